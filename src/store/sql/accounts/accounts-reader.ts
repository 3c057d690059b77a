import type { UserId } from '#spec'
import type { AccountsReader } from '../../ports/accounts/accounts.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import type { AccountTables } from './accounts-tables.ts'

const query = queriesOver<AccountTables>()

const accountOf = query((db, param: { userId: string }) =>
  db
    .selectFrom('users')
    .innerJoin('accounts', 'accounts.user_number', 'users.user_number')
    .select([
      'accounts.user_number',
      'user_id',
      'password_hash',
      'guest',
      'admin',
      'created_ms',
      'deactivated_ms',
      'erased',
    ])
    .where('user_id', '=', param.userId),
)

const leavingAccounts = query((db, param: { limit: number }) =>
  db
    .selectFrom('accounts')
    .innerJoin('users', 'users.user_number', 'accounts.user_number')
    .select('user_id')
    .where('leaving', '=', 1)
    .orderBy('deactivated_ms')
    .limit(param.limit),
)

export const accountsReader = (db: Db): AccountsReader => ({
  account: async (userId) => {
    const row = await db.first(accountOf, { userId })
    if (row === undefined) return undefined
    return {
      user: row.user_number,
      userId: row.user_id as UserId,
      passwordHash: row.password_hash ?? undefined,
      guest: row.guest === 1,
      admin: row.admin === 1,
      createdAtMs: row.created_ms,
      deactivatedAtMs: row.deactivated_ms ?? undefined,
      erased: row.erased === 1,
    }
  },
  unfinishedDeactivations: async (limit) => {
    const rows = await db.all(leavingAccounts, { limit })
    return rows.map((row) => row.user_id as UserId)
  },
})
