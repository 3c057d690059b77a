import { sql } from 'kysely'
import type { UserId } from '#spec'
import type { AccountRecord, AccountsReader, RateOverride } from '../../ports/accounts/accounts.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import type { AccountTables } from './accounts-tables.ts'

const query = queriesOver<AccountTables>()

const COLUMNS = [
  'accounts.user_number',
  'user_id',
  'password_hash',
  'guest',
  'admin',
  'created_ms',
  'deactivated_ms',
  'locked_ms',
  'suspended_ms',
  'erased',
  'user_type',
  'shadow_banned',
  'rate_per_second',
  'rate_burst',
  'expires_ms',
  'awaits_approval',
] as const
const accountOf = query((db, param: { userId: string }) =>
  db
    .selectFrom('users')
    .innerJoin('accounts', 'accounts.user_number', 'users.user_number')
    .select(COLUMNS)
    .where('user_id', '=', param.userId),
)
const accountsAfter = query((db, param: { after: number; limit: number }) =>
  db
    .selectFrom('accounts')
    .innerJoin('users', 'users.user_number', 'accounts.user_number')
    .select(COLUMNS)
    .where('accounts.user_number', '>', param.after)
    .orderBy('accounts.user_number')
    .limit(param.limit),
)

const administrators = query((db, param: { limit: number }) =>
  db
    .selectFrom('accounts')
    .innerJoin('users', 'users.user_number', 'accounts.user_number')
    .select(COLUMNS)
    .where('accounts.admin', '=', sql.lit(1))
    .where('deactivated_ms', 'is', null)
    .orderBy('accounts.user_number')
    .limit(param.limit),
)

const awaitingAfter = query((db, param: { after: number; limit: number }) =>
  db
    .selectFrom('accounts')
    .innerJoin('users', 'users.user_number', 'accounts.user_number')
    .select(COLUMNS)
    .where('awaits_approval', '=', sql.lit(1))
    .where('accounts.user_number', '>', param.after)
    .orderBy('accounts.user_number')
    .limit(param.limit),
)

// The literal makes the partial index usable.
const erasedAccounts = query((db) =>
  db
    .selectFrom('accounts')
    .innerJoin('users', 'users.user_number', 'accounts.user_number')
    .select(['user_id', 'erased'])
    .where('erased', '>', sql.lit(0)),
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

interface AccountRow {
  readonly user_number: number
  readonly user_id: string
  readonly password_hash: string | null
  readonly guest: number
  readonly admin: number
  readonly created_ms: number
  readonly deactivated_ms: number | null
  readonly locked_ms: number | null
  readonly suspended_ms: number | null
  readonly erased: number
  readonly user_type: string | null
  readonly shadow_banned: number
  readonly rate_per_second: number | null
  readonly rate_burst: number | null
  readonly expires_ms: number | null
  readonly awaits_approval: number
}

/** Both columns are null, or neither. */
export const rateOf = (row: Pick<AccountRow, 'rate_per_second' | 'rate_burst'>): RateOverride | undefined =>
  row.rate_per_second === null ? undefined : { perSecond: row.rate_per_second, burst: row.rate_burst ?? 0 }

const toAccount = (row: AccountRow): AccountRecord => ({
  user: row.user_number,
  userId: row.user_id as UserId,
  passwordHash: row.password_hash ?? undefined,
  guest: row.guest === 1,
  admin: row.admin === 1,
  createdAtMs: row.created_ms,
  deactivatedAtMs: row.deactivated_ms ?? undefined,
  lockedAtMs: row.locked_ms ?? undefined,
  suspendedAtMs: row.suspended_ms ?? undefined,
  awaitsApproval: row.awaits_approval === 1,
  erased: row.erased > 0,
  userType: row.user_type ?? undefined,
  shadowBanned: row.shadow_banned === 1,
  rateLimit: rateOf(row),
  expiresAtMs: row.expires_ms ?? undefined,
})

export const accountsReader = (db: Db): AccountsReader => ({
  account: async (userId) => {
    const row = await db.first(accountOf, { userId })
    return row === undefined ? undefined : toAccount(row)
  },
  accounts: async (page) => (await db.all(accountsAfter, page)).map(toAccount),
  administrators: async (limit) => (await db.all(administrators, { limit })).map(toAccount),
  awaitingApproval: async (page) => (await db.all(awaitingAfter, page)).map(toAccount),
  erasures: async () => {
    const rows = await db.longAll(erasedAccounts, {})
    return rows.map(({ user_id, erased }) => ({ userId: user_id as UserId, position: erased }))
  },
  unfinishedDeactivations: async (limit) => {
    const rows = await db.all(leavingAccounts, { limit })
    return rows.map((row) => row.user_id as UserId)
  },
})
