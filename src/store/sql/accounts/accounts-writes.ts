import type { UserId } from '#spec'
import type { AccountMarks, AccountsWriter, NewAccount } from '../../ports/accounts/accounts.ts'
import { WriteConflict } from '../../ports/engine/change.ts'
import { defineWrite, insertInto, queriesOver, type Tx } from '../engine/index.ts'
import { storeNames } from '../search/names.ts'
import type { AccountTables } from './accounts-tables.ts'
import { announceVoided } from './tokens-writes.ts'

const query = queriesOver<AccountTables>()

const accountOf = query((db, param: { userId: string }) =>
  db
    .selectFrom('users')
    .innerJoin('accounts', 'accounts.user_number', 'users.user_number')
    .select(['accounts.user_number', 'password_hash', 'guest', 'deactivated_ms', 'erased', 'leaving'])
    .select('awaits_approval')
    .where('user_id', '=', param.userId),
)
const insertAccount = insertInto(
  'accounts',
  {
    user_number: 'integer',
    password_hash: 'text?',
    guest: 'integer',
    admin: 'integer',
    created_ms: 'integer',
    deactivated_ms: 'integer?',
    erased: 'integer',
    leaving: 'integer',
    name: 'text',
    user_type: 'text?',
    awaits_approval: 'integer',
  },
  { ifExists: 'user-exists' },
)
const storePassword = query((db, param: { user: number; passwordHash: string }) =>
  db.updateTable('accounts').set({ password_hash: param.passwordHash }).where('user_number', '=', param.user),
)
const storeUpgrade = query((db, param: { user: number; passwordHash: string }) =>
  db.updateTable('accounts').set({ password_hash: param.passwordHash, guest: 0 }).where('user_number', '=', param.user),
)
const storeAdmin = query((db, param: { user: number; admin: number }) =>
  db.updateTable('accounts').set({ admin: param.admin }).where('user_number', '=', param.user),
)
const storeLock = query((db, param: { user: number; atMs: number | null }) =>
  db.updateTable('accounts').set({ locked_ms: param.atMs }).where('user_number', '=', param.user),
)
const storeSuspension = query((db, param: { user: number; atMs: number | null }) =>
  db.updateTable('accounts').set({ suspended_ms: param.atMs }).where('user_number', '=', param.user),
)
const marksOf = query((db, param: { user: number }) =>
  db
    .selectFrom('accounts')
    .select(['admin', 'locked_ms', 'suspended_ms', 'user_type', 'shadow_banned', 'rate_per_second', 'rate_burst'])
    .select(['expires_ms', 'tell_end_ms'])
    .where('user_number', '=', param.user),
)
interface StoredMarks {
  readonly admin: number
  readonly locked_ms: number | null
  readonly suspended_ms: number | null
  readonly user_type: string | null
  readonly shadow_banned: number
  readonly rate_per_second: number | null
  readonly rate_burst: number | null
  readonly expires_ms: number | null
  readonly tell_end_ms: number | null
}
const storeMarks = query((db, param: StoredMarks & { user: number }) =>
  db
    .updateTable('accounts')
    .set({
      admin: param.admin,
      locked_ms: param.locked_ms,
      suspended_ms: param.suspended_ms,
      user_type: param.user_type,
      shadow_banned: param.shadow_banned,
      rate_per_second: param.rate_per_second,
      rate_burst: param.rate_burst,
      expires_ms: param.expires_ms,
      tell_end_ms: param.tell_end_ms,
    })
    .where('user_number', '=', param.user),
)
const storeReactivation = query((db, param: { user: number; passwordHash: string | null }) =>
  db
    .updateTable('accounts')
    .set({ password_hash: param.passwordHash, deactivated_ms: null, erased: 0 })
    .where('user_number', '=', param.user),
)
const storeApproval = query((db, param: { user: number }) =>
  db.updateTable('accounts').set({ awaits_approval: 0 }).where('user_number', '=', param.user),
)
const storeDeactivation = query((db, param: { user: number; atMs: number }) =>
  db
    .updateTable('accounts')
    .set({ password_hash: null, admin: 0, leaving: 1, awaits_approval: 0, deactivated_ms: param.atMs })
    .where('user_number', '=', param.user)
    .where('deactivated_ms', 'is', null),
)
const storeErasure = query((db, param: { user: number; position: number }) =>
  db
    .updateTable('accounts')
    .set({ erased: param.position })
    .where('user_number', '=', param.user)
    .where('erased', '=', 0),
)
const storeLeft = query((db, param: { user: number }) =>
  db.updateTable('accounts').set({ leaving: 0 }).where('user_number', '=', param.user),
)

const liveAccount = async (tx: Tx, userId: UserId) => {
  const account = await tx.first(accountOf, { userId })
  if (account === undefined || account.deactivated_ms !== null) throw new WriteConflict('account-gone')
  return account
}

const create = defineWrite('accounts.create', async (tx, account: NewAccount) => {
  // A conflict that is found before anything is written costs the other commits of the group nothing.
  if ((await tx.first(accountOf, { userId: account.userId })) !== undefined) throw new WriteConflict('user-exists')
  const user = await tx.userNumber(account.userId)
  await tx.insertMany(insertAccount, [
    {
      user_number: user,
      password_hash: account.passwordHash ?? null,
      guest: Number(account.guest),
      admin: Number(account.admin),
      created_ms: account.createdAtMs,
      deactivated_ms: null,
      erased: 0,
      leaving: 0,
      name: account.userId,
      user_type: account.userType ?? null,
      awaits_approval: Number(account.awaitsApproval ?? false),
    },
  ])
  await storeNames(tx, user)
  return user
})

const setPassword = defineWrite(
  'accounts.setPassword',
  async (tx, input: { userId: UserId; passwordHash: string; expectedHash: string | undefined }) => {
    const account = await liveAccount(tx, input.userId)
    if (input.expectedHash !== undefined && account.password_hash !== input.expectedHash) {
      throw new WriteConflict('password-changed')
    }
    await tx.run(storePassword, { user: account.user_number, passwordHash: input.passwordHash })
  },
)

const upgradeGuest = defineWrite(
  'accounts.upgradeGuest',
  async (tx, input: { userId: UserId; passwordHash: string }) => {
    const account = await liveAccount(tx, input.userId)
    if (account.guest === 0) throw new WriteConflict('account-gone')
    await tx.run(storeUpgrade, { user: account.user_number, passwordHash: input.passwordHash })
  },
)

const setAdmin = defineWrite(
  'accounts.setAdmin',
  ['sessions'],
  async (tx, input: { userId: UserId; admin: boolean }) => {
    const account = await liveAccount(tx, input.userId)
    await tx.run(storeAdmin, { user: account.user_number, admin: Number(input.admin) })
    announceVoided(tx, account.user_number)
  },
)

const setLocked = defineWrite(
  'accounts.setLocked',
  ['sessions'],
  async (tx, input: { userId: UserId; atMs: number | undefined }) => {
    const account = await liveAccount(tx, input.userId)
    await tx.run(storeLock, { user: account.user_number, atMs: input.atMs ?? null })
    announceVoided(tx, account.user_number)
  },
)

const setSuspended = defineWrite(
  'accounts.setSuspended',
  ['sessions'],
  async (tx, input: { userId: UserId; atMs: number | undefined }) => {
    const account = await liveAccount(tx, input.userId)
    await tx.run(storeSuspension, { user: account.user_number, atMs: input.atMs ?? null })
    announceVoided(tx, account.user_number)
  },
)

/** The values of the columns for the marks that are named. */
const columnsOf = (marks: AccountMarks): Partial<StoredMarks> => ({
  ...('admin' in marks ? { admin: Number(marks.admin) } : {}),
  ...('lockedAtMs' in marks ? { locked_ms: marks.lockedAtMs ?? null } : {}),
  ...('suspendedAtMs' in marks ? { suspended_ms: marks.suspendedAtMs ?? null } : {}),
  ...('userType' in marks ? { user_type: marks.userType ?? null } : {}),
  ...('shadowBanned' in marks ? { shadow_banned: Number(marks.shadowBanned) } : {}),
  ...('rateLimit' in marks
    ? { rate_per_second: marks.rateLimit?.perSecond ?? null, rate_burst: marks.rateLimit?.burst ?? null }
    : {}),
  ...('expiresAtMs' in marks ? { expires_ms: marks.expiresAtMs ?? null } : {}),
  ...('tellEndMs' in marks ? { tell_end_ms: marks.tellEndMs ?? null } : {}),
})

const mark = defineWrite(
  'accounts.mark',
  ['sessions'],
  async (tx, { userId, marks }: { userId: UserId; marks: AccountMarks }): Promise<void> => {
    const { user_number: user } = await liveAccount(tx, userId)
    const now = await tx.first(marksOf, { user })
    if (now === undefined) throw new WriteConflict('account-gone')
    await tx.run(storeMarks, { ...now, ...columnsOf(marks), user })
    announceVoided(tx, user)
  },
)

const reactivate = defineWrite(
  'accounts.reactivate',
  ['events'],
  async (tx, { userId, passwordHash }: { userId: UserId; passwordHash: string | undefined }): Promise<void> => {
    const account = await tx.first(accountOf, { userId })
    if (account === undefined || account.deactivated_ms === null) throw new WriteConflict('account-gone')
    if (account.leaving === 1) throw new WriteConflict('still-leaving')
    const user = account.user_number
    await tx.run(storeReactivation, { user, passwordHash: passwordHash ?? null })
    if (account.erased > 0) tx.announce({ stream: 'events', position: tx.next('events', 1), rooms: [], users: [user] })
  },
)

const approve = defineWrite('accounts.approve', async (tx, input: { userId: UserId }) => {
  const account = await liveAccount(tx, input.userId)
  if (account.awaits_approval === 0) throw new WriteConflict('account-gone')
  await tx.run(storeApproval, { user: account.user_number })
})

const deactivate = defineWrite(
  'accounts.deactivate',
  ['events'],
  async (tx, input: { userId: UserId; erase: boolean; atMs: number }) => {
    const account = await tx.first(accountOf, { userId: input.userId })
    if (account === undefined) throw new WriteConflict('account-gone')
    await tx.run(storeDeactivation, { user: account.user_number, atMs: input.atMs })
    if (!input.erase) return
    // A position without an event: whoever joined before it keeps what they have.
    const user = account.user_number
    const position = tx.next('events', 1)
    await tx.run(storeErasure, { user, position })
    tx.announce({ stream: 'events', position, rooms: [], users: [user] })
  },
)

const finishDeactivation = defineWrite('accounts.finishDeactivation', async (tx, input: { userId: UserId }) => {
  const account = await tx.first(accountOf, { userId: input.userId })
  if (account !== undefined) await tx.run(storeLeft, { user: account.user_number })
})

export const accountsWrites = [
  create,
  setPassword,
  upgradeGuest,
  setAdmin,
  setLocked,
  setSuspended,
  mark,
  reactivate,
  approve,
  deactivate,
  finishDeactivation,
]

export const accountsWriter: AccountsWriter = {
  create,
  setPassword: (userId, passwordHash, expectedHash) => setPassword({ userId, passwordHash, expectedHash }),
  upgradeGuest: (userId, passwordHash) => upgradeGuest({ userId, passwordHash }),
  setAdmin: (userId, admin) => setAdmin({ userId, admin }),
  setLocked: (userId, atMs) => setLocked({ userId, atMs }),
  setSuspended: (userId, atMs) => setSuspended({ userId, atMs }),
  mark: (userId, marks) => mark({ userId, marks }),
  reactivate: (userId, passwordHash) => reactivate({ userId, passwordHash }),
  approve: (userId) => approve({ userId }),
  deactivate: (userId, erase, atMs) => deactivate({ userId, erase, atMs }),
  finishDeactivation: (userId) => finishDeactivation({ userId }),
}
