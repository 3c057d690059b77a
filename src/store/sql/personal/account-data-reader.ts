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
/** An empty content, `{}`, is removed data: it is told to clients that may have had it, and to no other. No other object has so few bytes. */
const REMOVED_BYTES = 2

const allGlobal = query((db, param: { user: UserNumber }) =>
  db
    .selectFrom('account_data')
    .select(COLUMNS)
    .where('user_number', '=', param.user)
    .where('room', '=', GLOBAL)
    .where('size_bytes', '>', REMOVED_BYTES)
    .orderBy('position'),
)
const allInRooms = query((db, param: { user: UserNumber }) =>
  db
    .selectFrom('account_data')
    .select(COLUMNS)
    .where('user_number', '=', param.user)
    .where('room', '>', GLOBAL)
    .where('size_bytes', '>', REMOVED_BYTES)
    .orderBy('position'),
)
const inTheseRooms = query((db, param: { user: UserNumber; rooms: readonly RoomNumber[] }, { integers }) =>
  db
    .selectFrom('account_data')
    .select(COLUMNS)
    .where('user_number', '=', param.user)
    .where('room', 'in', integers(param.rooms))
    .where('size_bytes', '>', REMOVED_BYTES)
    .orderBy('position'),
)
const ofTypeInRooms = query((db, param: { user: UserNumber; type: string }) =>
  db
    .selectFrom('account_data')
    .select(COLUMNS)
    .where('user_number', '=', param.user)
    .where('room', '>', GLOBAL)
    .where('type', '=', param.type),
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
interface PageParams {
  readonly user: UserNumber
  readonly room: RoomNumber
  readonly after: number
  readonly upTo: number
  readonly afterType: string
  /** Entries of no more bytes are left out. */
  readonly overBytes: number
}
const sizesOfPage = query((db, param: PageParams & { limit: number }) =>
  db
    .selectFrom('account_data')
    .select(['type', 'size_bytes'])
    .where('user_number', '=', param.user)
    .where('room', '=', param.room)
    .where('type', '>', param.afterType)
    .where('size_bytes', '>', param.overBytes)
    .where('position', '>', param.after)
    .where('position', '<=', param.upTo)
    .orderBy('type')
    .limit(param.limit),
)
const contentsOfPage = query((db, param: PageParams & { upToType: string }) =>
  db
    .selectFrom('account_data')
    .select(COLUMNS)
    .where('user_number', '=', param.user)
    .where('room', '=', param.room)
    .where('type', '>', param.afterType)
    .where('type', '<=', param.upToType)
    .where('size_bytes', '>', param.overBytes)
    .where('position', '>', param.after)
    .where('position', '<=', param.upTo)
    .orderBy('type'),
)
const SUM = sql<number>`cast(sum(size_bytes) as bigint)`
const bytesSince = query((db, param: { user: UserNumber; after: number; upTo: number }) =>
  db
    .selectFrom('account_data')
    .select(['room', SUM.as('bytes')])
    .where('user_number', '=', param.user)
    .where('position', '>', param.after)
    .where('position', '<=', param.upTo)
    .groupBy('room'),
)
const bytesInRooms = query((db, param: { user: UserNumber; rooms: readonly RoomNumber[] }, { integers }) =>
  db
    .selectFrom('account_data')
    .select(['room', SUM.as('bytes')])
    .where('user_number', '=', param.user)
    .where('room', 'in', integers(param.rooms))
    .groupBy('room'),
)
/** Entries of one page. */
const PAGE_ENTRIES = 200

/** The last type that fits into a page. */
const lastThatFits = (
  sizes: readonly { readonly type: string; readonly size_bytes: number }[],
  limitBytes: number,
): string | undefined => {
  let bytes = 0
  let last: string | undefined
  for (const { type, size_bytes } of sizes) {
    bytes += size_bytes
    if (last !== undefined && bytes > limitBytes) break
    last = type
  }
  return last
}

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

const bytesByRoom = (rows: readonly { readonly room: number; readonly bytes: number }[]) =>
  new Map(rows.map(({ room, bytes }) => [room, bytes]))

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
    ofTypeInRooms: async (user, type) => (await db.longAll(ofTypeInRooms, { user, type })).map(roomEntryOf),
    since: async (user, after, upTo) => {
      if (after >= upTo) return { global: [], rooms: [] }
      const rows = await db.all(since, { user, after, upTo })
      return {
        global: rows.filter(({ room }) => room === GLOBAL).map(entryOf),
        rooms: rows.filter(({ room }) => room !== GLOBAL).map(roomEntryOf),
      }
    },
    page: async ({ room = GLOBAL, limitBytes, ...rest }) => {
      const params: PageParams = { ...rest, room, overBytes: rest.after === 0 ? REMOVED_BYTES : 0 }
      const sizes = await db.all(sizesOfPage, { ...params, limit: PAGE_ENTRIES })
      const upToType = lastThatFits(sizes, limitBytes)
      if (upToType === undefined) return []
      return (await db.all(contentsOfPage, { ...params, upToType })).map(entryOf)
    },
    bytesSince: async (user, after, upTo) => bytesByRoom(await db.all(bytesSince, { user, after, upTo })),
    bytesInRooms: async (user, rooms) => bytesByRoom(await db.all(bytesInRooms, { user, rooms })),
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
