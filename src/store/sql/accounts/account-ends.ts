import type { UserId } from '#spec'
import type { AccountEnd, AccountEndsReader, AccountEndsWriter } from '../../ports/accounts/account-ends.ts'
import { type Db, defineWrite, queriesOver } from '../engine/index.ts'
import type { AccountTables } from './accounts-tables.ts'
import type { ThirdPartyIdTables } from './third-party-ids-tables.ts'
import { announceVoided } from './tokens-writes.ts'

const query = queriesOver<AccountTables & ThirdPartyIdTables>()

interface Page {
  readonly fromMs: number
  readonly toMs: number
  readonly afterMs: number
  readonly afterUser: number
  readonly limit: number
}
const untold = query((db, param: Page) =>
  db
    .selectFrom('accounts')
    .select(['user_number as user', 'name', 'tell_end_ms'])
    .where('tell_end_ms', 'is not', null)
    .where('tell_end_ms', '>=', param.fromMs)
    .where('tell_end_ms', '<=', param.toMs)
    .where((of) =>
      of.or([
        of('tell_end_ms', '>', param.afterMs),
        of.and([of('tell_end_ms', '=', param.afterMs), of('user_number', '>', param.afterUser)]),
      ]),
    )
    .where('deactivated_ms', 'is', null)
    .where((of) =>
      of.exists(
        of
          .selectFrom('third_party_ids')
          .select('third_party_ids.address')
          .whereRef('third_party_ids.user_number', '=', 'accounts.user_number')
          .where('third_party_ids.medium', '=', 'email'),
      ),
    )
    .orderBy('tell_end_ms')
    .orderBy('user_number')
    .limit(param.limit),
)
const endOf = query((db, param: { user: number }) =>
  db
    .selectFrom('accounts')
    .select(['name', 'expires_ms'])
    .where('user_number', '=', param.user)
    .where('deactivated_ms', 'is', null),
)
const storeTold = query((db, param: { user: number; expiresAtMs: number }) =>
  db
    .updateTable('accounts')
    .set({ tell_end_ms: null })
    .where('user_number', '=', param.user)
    .where('tell_end_ms', '=', param.expiresAtMs),
)
const storeRenewal = query((db, param: { user: number; expiresAtMs: number; toMs: number }) =>
  db
    .updateTable('accounts')
    .set({ expires_ms: param.toMs, tell_end_ms: param.toMs })
    .where('user_number', '=', param.user)
    .where('expires_ms', '=', param.expiresAtMs)
    .where('deactivated_ms', 'is', null),
)

type End = Pick<AccountEnd, 'user' | 'expiresAtMs'>

const told = defineWrite('accountEnds.told', async (tx, { user, expiresAtMs }: End): Promise<void> => {
  await tx.run(storeTold, { user, expiresAtMs })
})

const renew = defineWrite(
  'accountEnds.renew',
  ['sessions'],
  async (tx, { user, expiresAtMs, toMs }: End & { toMs: number }): Promise<boolean> => {
    if ((await tx.run(storeRenewal, { user, expiresAtMs, toMs })) === 0) return false
    announceVoided(tx, user)
    return true
  },
)

export const accountEndsWrites = [told, renew]

export const accountEndsWriter: AccountEndsWriter = {
  told: ({ user, expiresAtMs }) => told({ user, expiresAtMs }),
  renew: ({ user, expiresAtMs }, toMs) => renew({ user, expiresAtMs, toMs }),
}

export const accountEndsReader = (db: Db): AccountEndsReader => ({
  untoldEnds: async ({ after, ...page }) => {
    const place = { afterMs: after?.expiresAtMs ?? -1, afterUser: after?.user ?? 0 }
    const rows = await db.all(untold, { ...page, ...place })
    return rows.flatMap(({ user, name, tell_end_ms: expiresAtMs }) =>
      expiresAtMs === null ? [] : [{ user, userId: name as UserId, expiresAtMs }],
    )
  },
  endOf: async (user) => {
    const row = await db.first(endOf, { user })
    return row === undefined ? undefined : { userId: row.name as UserId, expiresAtMs: row.expires_ms ?? undefined }
  },
})
