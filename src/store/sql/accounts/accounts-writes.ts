import type { UserId } from '#spec'
import type { AccountsWriter, NewAccount } from '../../ports/accounts/accounts.ts'
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
    .select(['accounts.user_number', 'password_hash', 'guest', 'deactivated_ms'])
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
const storeDeactivation = query((db, param: { user: number; atMs: number }) =>
  db
    .updateTable('accounts')
    .set({ password_hash: null, admin: 0, leaving: 1, deactivated_ms: param.atMs })
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
  deactivate: (userId, erase, atMs) => deactivate({ userId, erase, atMs }),
  finishDeactivation: (userId) => finishDeactivation({ userId }),
}
