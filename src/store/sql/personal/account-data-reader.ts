import { sql } from 'kysely'
import type { AccountDataEntry, AccountDataReader, RoomAccountDataEntry } from '../../ports/personal/account-data.ts'
import type { RoomNumber, UserNumber } from '../../ports/rooms/events.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import { type AccountDataTables, GLOBAL } from './account-data-writes.ts'

const query = queriesOver<AccountDataTables>()

interface EntryRow {
  readonly room: number
  readonly type: string
  readonly content_json: string
  readonly position: number
}

const COLUMNS = ['room', 'type', 'content_json', 'position'] as const

const one = query((db, param: { user: UserNumber; room: RoomNumber; type: string }) =>
  db
    .selectFrom('account_data')
    .select(COLUMNS)
    .where('user_number', '=', param.user)
    .where('room', '=', param.room)
    .where('type', '=', param.type),
)
const allGlobal = query((db, param: { user: UserNumber }) =>
  db
    .selectFrom('account_data')
    .select(COLUMNS)
    .where('user_number', '=', param.user)
    .where('room', '=', GLOBAL)
    .orderBy('position'),
)
const allInRooms = query((db, param: { user: UserNumber }) =>
  db
    .selectFrom('account_data')
    .select(COLUMNS)
    .where('user_number', '=', param.user)
    .where('room', '>', GLOBAL)
    .orderBy('position'),
)
const inTheseRooms = query((db, param: { user: UserNumber; rooms: readonly RoomNumber[] }, { integers }) =>
  db
    .selectFrom('account_data')
    .select(COLUMNS)
    .where('user_number', '=', param.user)
    .where('room', 'in', integers(param.rooms))
    .orderBy('position'),
)
const since = query((db, param: { user: UserNumber; after: number; upTo: number }) =>
  db
    .selectFrom('account_data')
    .select(COLUMNS)
    .where('user_number', '=', param.user)
    .where('position', '>', param.after)
    .where('position', '<=', param.upTo)
    .orderBy('position'),
)
const usage = query((db, param: { user: UserNumber }) =>
  db
    .selectFrom('account_data')
    .select((eb) => [
      eb.fn.countAll<number>().as('entries'),
      // A sum of bigints is no bigint on PostgreSQL.
      sql<number>`cast(coalesce(sum(size_bytes), 0) as bigint)`.as('size_bytes'),
    ])
    .where('user_number', '=', param.user),
)
const pushRules = query((db, param: { user: UserNumber }) =>
  db.selectFrom('push_rules').select(['rules_json', 'position']).where('user_number', '=', param.user),
)

const entryOf = (row: EntryRow): AccountDataEntry => ({
  type: row.type,
  contentJson: row.content_json,
  position: row.position,
})
const roomEntryOf = (row: EntryRow): RoomAccountDataEntry => ({ room: row.room, ...entryOf(row) })

export const accountDataReader = (db: Db): AccountDataReader => {
  const entry = async (user: UserNumber, room: RoomNumber, type: string): Promise<AccountDataEntry | undefined> => {
    const row = await db.first(one, { user, room, type })
    return row === undefined ? undefined : entryOf(row)
  }
  return {
    global: (user, type) => entry(user, GLOBAL, type),
    inRoom: entry,
    allGlobal: async (user) => (await db.longAll(allGlobal, { user })).map(entryOf),
    allInRooms: async (user, rooms) => {
      const rows =
        rooms === undefined ? await db.longAll(allInRooms, { user }) : await db.longAll(inTheseRooms, { user, rooms })
      return rows.map(roomEntryOf)
    },
    since: async (user, after, upTo) => {
      if (after >= upTo) return { global: [], rooms: [] }
      const rows = await db.all(since, { user, after, upTo })
      return {
        global: rows.filter(({ room }) => room === GLOBAL).map(entryOf),
        rooms: rows.filter(({ room }) => room !== GLOBAL).map(roomEntryOf),
      }
    },
    usage: async (user) => {
      const row = await db.first(usage, { user })
      return { entries: row?.entries ?? 0, sizeBytes: row?.size_bytes ?? 0 }
    },
    pushRules: async (user) => {
      const row = await db.first(pushRules, { user })
      return row === undefined ? undefined : { rulesJson: row.rules_json, position: row.position }
    },
  }
}
