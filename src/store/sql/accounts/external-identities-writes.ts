import type { UserId } from '#spec'
import type { ExternalIdentitiesWriter, ExternalIdentity } from '../../ports/accounts/external-identities.ts'
import { WriteConflict } from '../../ports/engine/change.ts'
import { defineWrite, insertInto, queriesOver } from '../engine/index.ts'
import type { ExternalIdentityTables } from './external-identities-tables.ts'

const query = queriesOver<ExternalIdentityTables>()
const liveAccount = query((db, param: { userId: string }) =>
  db
    .selectFrom('users')
    .innerJoin('accounts', 'accounts.user_number', 'users.user_number')
    .select('accounts.user_number')
    .where('user_id', '=', param.userId)
    .where('deactivated_ms', 'is', null),
)
const linkedTo = query((db, param: { provider: string; subject: string }) =>
  db
    .selectFrom('external_identities')
    .select('user_number')
    .where('provider', '=', param.provider)
    .where('subject', '=', param.subject),
)
const insertIdentity = insertInto(
  'external_identities',
  { provider: 'text', subject: 'text', user_number: 'integer', linked_ms: 'integer' },
  { ifExists: 'identity-linked' },
)

const link = defineWrite('externalIdentities.link', async (tx, identity: ExternalIdentity) => {
  const { provider, subject, userId, linkedAtMs } = identity
  const account = await tx.first(liveAccount, { userId })
  if (account === undefined) throw new WriteConflict('account-gone')
  const linked = await tx.first(linkedTo, { provider, subject })
  if (linked !== undefined) {
    if (linked.user_number !== account.user_number) throw new WriteConflict('identity-linked')
    return
  }
  await tx.insertMany(insertIdentity, [{ provider, subject, user_number: account.user_number, linked_ms: linkedAtMs }])
})

const identitiesOf = query((db, param: { user: number }) =>
  db.selectFrom('external_identities').select(['provider', 'subject']).where('user_number', '=', param.user),
)
const unlink = query((db, param: { provider: string; subject: string }) =>
  db.deleteFrom('external_identities').where('provider', '=', param.provider).where('subject', '=', param.subject),
)

type Link = Pick<ExternalIdentity, 'provider' | 'subject'>

const keepOnly = defineWrite(
  'externalIdentities.keepOnly',
  async (tx, { userId, kept }: { userId: UserId; kept: readonly Link[] }): Promise<void> => {
    const account = await tx.first(liveAccount, { userId })
    if (account === undefined) throw new WriteConflict('account-gone')
    for (const { provider, subject } of await tx.all(identitiesOf, { user: account.user_number }))
      if (!kept.some((one) => one.provider === provider && one.subject === subject))
        await tx.run(unlink, { provider, subject })
  },
)

export const externalIdentityWrites = [link, keepOnly]

export const externalIdentitiesWriter: ExternalIdentitiesWriter = {
  link,
  keepOnly: (userId, kept) => keepOnly({ userId, kept }),
}
