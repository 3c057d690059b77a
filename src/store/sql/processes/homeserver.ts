import { type ServerName, serverOf, type UserId } from '#spec'
import type { HomeserverReader, HomeserverRecord, HomeserverWriter } from '../../ports/processes/homeserver.ts'
import { type Db, defineWrite, insertInto, queriesOver } from '../engine/index.ts'
import type { ProcessTables } from './tables.ts'

const query = queriesOver<ProcessTables>()

const theHomeserver = query((db) => db.selectFrom('homeserver').select(['name', 'database_id']))
const anyAccount = query((db) =>
  db
    .selectFrom('accounts')
    .innerJoin('users', 'users.user_number', 'accounts.user_number')
    .select('users.user_id')
    .limit(1),
)
const insertHomeserver = insertInto(
  'homeserver',
  { place: 'integer', name: 'text', database_id: 'text' },
  { ifExists: 'homeserver-known' },
)

const add = defineWrite('homeserver.add', async (tx, { name, databaseId }: HomeserverRecord): Promise<void> => {
  await tx.insertMany(insertHomeserver, [{ place: 1, name, database_id: databaseId }])
})

export const homeserverWrites = [add]

export const homeserverWriter: HomeserverWriter = { add }

export const homeserverReader = (db: Db): HomeserverReader => ({
  homeserver: async () => {
    const row = await db.first(theHomeserver, {})
    return row === undefined ? undefined : { name: row.name as ServerName, databaseId: row.database_id }
  },
  nameOfAccounts: async () => {
    const row = await db.first(anyAccount, {})
    return row === undefined ? undefined : serverOf(row.user_id as UserId)
  },
})
