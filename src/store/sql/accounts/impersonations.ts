import type { Generated } from 'kysely'
import type { UserId } from '#spec'
import type {
  ImpersonationsReader,
  ImpersonationsWriter,
  NewImpersonation,
} from '../../ports/accounts/impersonations.ts'
import { WriteConflict } from '../../ports/engine/change.ts'
import { type Db, defineWrite, queriesOver, type Tx } from '../engine/index.ts'
import type { AccountTables } from './accounts-tables.ts'

interface ImpersonationTables extends AccountTables {
  readonly impersonations: {
    readonly impersonation: Generated<number>
    readonly access_hash: string
    readonly user_number: number
    readonly by_user: number
    readonly expires_ms: number | null
  }
}

const query = queriesOver<ImpersonationTables>()

const byHash = query((db, param: { accessHash: string }) =>
  db
    .selectFrom('impersonations as i')
    .innerJoin('accounts as a', 'a.user_number', 'i.user_number')
    .innerJoin('accounts as by', 'by.user_number', 'i.by_user')
    .select(['i.impersonation', 'i.user_number', 'i.expires_ms'])
    .select(['a.name', 'a.guest', 'a.locked_ms', 'a.suspended_ms', 'a.shadow_banned'])
    .select(['a.expires_ms as account_expires_ms', 'by.expires_ms as by_expires_ms'])
    .where('i.access_hash', '=', param.accessHash)
    .where('a.deactivated_ms', 'is', null)
    .where('by.deactivated_ms', 'is', null)
    .where('by.locked_ms', 'is', null)
    .where('by.admin', '=', 1),
)
const liveAccount = query((db, param: { userId: string }) =>
  db.selectFrom('accounts').select('user_number').where('name', '=', param.userId).where('deactivated_ms', 'is', null),
)
const insert = query((db, param: { accessHash: string; user: number; byUser: number; expiresAtMs: number | null }) =>
  db.insertInto('impersonations').values({
    access_hash: param.accessHash,
    user_number: param.user,
    by_user: param.byUser,
    expires_ms: param.expiresAtMs,
  }),
)
const nthNewest = query((db, param: { byUser: number; skipped: number }) =>
  db
    .selectFrom('impersonations')
    .select('impersonation')
    .where('by_user', '=', param.byUser)
    .orderBy('impersonation', 'desc')
    .limit(1)
    .offset(param.skipped),
)
const removeUpTo = query((db, param: { byUser: number; upTo: number }) =>
  db.deleteFrom('impersonations').where('by_user', '=', param.byUser).where('impersonation', '<=', param.upTo),
)
const removeOne = query((db, param: { impersonation: number }) =>
  db.deleteFrom('impersonations').where('impersonation', '=', param.impersonation),
)
const removeAllBy = query((db, param: { user: number }) =>
  db.deleteFrom('impersonations').where('by_user', '=', param.user),
)
const removeAllOf = query((db, param: { user: number }) =>
  db.deleteFrom('impersonations').where('user_number', '=', param.user),
)

const numberOf = async (tx: Tx, userId: UserId): Promise<number> => {
  const account = await tx.first(liveAccount, { userId })
  if (account === undefined) throw new WriteConflict('account-gone')
  return account.user_number
}

const add = defineWrite(
  'impersonations.add',
  async (tx, { impersonation, most }: { impersonation: NewImpersonation; most: number }): Promise<void> => {
    const { accessHash, userId, byUserId, expiresAtMs = null } = impersonation
    const byUser = await numberOf(tx, byUserId)
    await tx.run(insert, { accessHash, user: await numberOf(tx, userId), byUser, expiresAtMs })
    const old = await tx.first(nthNewest, { byUser, skipped: most })
    if (old !== undefined) await tx.run(removeUpTo, { byUser, upTo: old.impersonation })
  },
)
const remove = defineWrite(
  'impersonations.remove',
  async (tx, param: { readonly impersonation: number }): Promise<void> => {
    await tx.run(removeOne, param)
  },
)
const removeBy = defineWrite('impersonations.removeBy', async (tx, { userId }: { userId: UserId }): Promise<void> => {
  const account = await tx.first(liveAccount, { userId })
  if (account !== undefined) await tx.run(removeAllBy, { user: account.user_number })
})
const removeUser = defineWrite('impersonations.removeUser', async (tx, param: { user: number }): Promise<void> => {
  await tx.run(removeAllBy, param)
  await tx.run(removeAllOf, param)
})

export const impersonationWrites = [add, remove, removeBy, removeUser]

export const impersonationsWriter: ImpersonationsWriter = {
  add: (impersonation, most) => add({ impersonation, most }),
  remove: (impersonation) => remove({ impersonation }),
  removeBy: (userId) => removeBy({ userId }),
  removeUser: (user) => removeUser({ user }),
}

export const impersonationsReader = (db: Db): ImpersonationsReader => ({
  impersonation: async (accessHash) => {
    const row = await db.first(byHash, { accessHash })
    if (row === undefined) return undefined
    return {
      impersonation: row.impersonation,
      user: row.user_number,
      userId: row.name as UserId,
      guest: row.guest === 1,
      locked: row.locked_ms !== null,
      suspended: row.suspended_ms !== null,
      shadowBanned: row.shadow_banned === 1,
      expiresAtMs: row.expires_ms ?? undefined,
      accountExpiresAtMs: row.account_expires_ms ?? undefined,
      byExpiresAtMs: row.by_expires_ms ?? undefined,
    }
  },
})
