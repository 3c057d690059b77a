import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { RoomId, ServerName, UserId } from '#spec'
import {
  type BlockedRoom,
  type BlockedRoomsWriter,
  ROOM_ORDERS,
  type RoomOrder,
  type RoomOverview,
  type RoomOverviewsQuery,
  type RoomOverviewsReader,
} from '../../ports/admin/room-overviews.ts'
import { type Db, defineWrite, insertInto, type Query, queriesOver } from '../engine/index.ts'
import type { RoomTables } from '../rooms/tables.ts'

interface Filter {
  /** Empty: any. */
  readonly term: string
  /** A pattern of `like`. */
  readonly pattern: string
  /** 1 or 0; -1: any. */
  readonly published: number
  readonly empty: number
}
type Page = Filter & { readonly limit: number; readonly offset: number }

const ORDER_COLUMNS: Readonly<Record<RoomOrder, string>> = {
  name: 'o.name_order',
  canonical_alias: 'o.canonical_alias',
  joined_members: 'r.joined_count',
  joined_local_members: 'joined_local',
  version: 'r.version',
  creator: 'o.creator',
  encryption: 'o.encryption',
  federatable: 'o.federatable',
  public: 'r.published',
  join_rules: 'o.join_rules',
  guest_access: 'o.guest_access',
  history_visibility: 'o.history_visibility',
  state_events: 'r.state_events',
}

type Tables = RoomTables & {
  readonly homeserver: { readonly name: ServerName }
  readonly accounts: { readonly user_number: number }
  readonly devices: { readonly user_number: number }
}
const query = queriesOver<Tables>()

const overviews = (db: Kysely<Tables>) =>
  db
    .selectFrom('room_overviews as o')
    .innerJoin('rooms as r', 'r.room', 'o.room')
    .leftJoin('room_servers as l', (join) =>
      join
        .onRef('l.room', '=', 'r.room')
        .on('l.server', '=', (of) =>
          of.selectFrom('servers as s').innerJoin('homeserver as h', 'h.name', 's.name').select('s.server'),
        ),
    )
    .select(['r.room', 'r.room_id', 'o.name', 'o.canonical_alias', 'r.joined_count', 'r.version', 'o.creator'])
    .select(['o.encryption', 'o.federatable', 'r.published', 'o.join_rules', 'o.guest_access', 'o.history_visibility'])
    .select(({ fn }) => ['r.state_events', 'o.room_type', fn.coalesce('l.joined', sql.lit(0)).as('joined_local')])

const isWanted = (param: Filter): RawBuilder<boolean> => sql<boolean>`
  (cast(${param.term} as text) = '' or o.searchable like ${param.pattern} escape '\\'
    or replace(r.room_id, ${param.term}, '') <> r.room_id)
  and (cast(${param.published} as integer) < 0 or r.published = ${param.published})
  and (cast(${param.empty} as integer) < 0 or (case when r.joined_count = 0 then 1 else 0 end) = ${param.empty})`

const byOrder = (order: RoomOrder, direction: 'asc' | 'desc') =>
  query((db, param: Page) =>
    overviews(db)
      .where(isWanted(param))
      .orderBy(sql.ref(ORDER_COLUMNS[order]), direction)
      .orderBy('r.room', direction)
      .limit(param.limit)
      .offset(param.offset),
  )
const PAGES = new Map(
  ROOM_ORDERS.map((order) => [order, { ascending: byOrder(order, 'asc'), descending: byOrder(order, 'desc') }]),
)
type Row = typeof one extends Query<never, infer Of> ? Of : never

const counted = query((db, param: Filter) =>
  db
    .selectFrom('room_overviews as o')
    .innerJoin('rooms as r', 'r.room', 'o.room')
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .where(isWanted(param)),
)
const countedAll = query((db) => db.selectFrom('room_overviews').select(({ fn }) => fn.countAll<number>().as('total')))
const one = query((db, param: { roomId: RoomId }) => overviews(db).where('r.room_id', '=', param.roomId))
const localDevices = query((db, param: { room: number }) =>
  db
    .selectFrom('memberships as m')
    .innerJoin('devices as d', 'd.user_number', 'm.user_number')
    .select(({ fn }) => fn.countAll<number>().as('devices'))
    .where('m.room', '=', param.room)
    .where('m.membership', '=', 'join'),
)
const whoRemembers = query((db, param: { room: number }) =>
  db
    .selectFrom('memberships as m')
    .innerJoin('accounts as a', 'a.user_number', 'm.user_number')
    .select('m.user_number')
    .where('m.room', '=', param.room)
    .where('m.forgotten', '=', 0)
    .limit(1),
)
const neighbours = query((db) =>
  db
    .selectFrom('servers as s')
    .select('s.name')
    .where((of) => of.exists(of.selectFrom('room_servers as l').select('l.room').whereRef('l.server', '=', 's.server')))
    .where((of) =>
      of.not(of.exists(of.selectFrom('homeserver as h').select('h.name').whereRef('h.name', '=', 's.name'))),
    ),
)
const ofServer = (db: Kysely<Tables>, server: ServerName) =>
  db
    .selectFrom('servers as s')
    .innerJoin('room_servers as l', 'l.server', 's.server')
    .innerJoin('rooms as r', 'r.room', 'l.room')
    .where('s.name', '=', server)
const roomsOfServer = (direction: 'asc' | 'desc') =>
  query((db, param: { server: ServerName; offset: number; limit: number }) =>
    ofServer(db, param.server)
      .select('r.room_id')
      .orderBy('r.room_id', direction)
      .limit(param.limit)
      .offset(param.offset),
  )
const ROOMS_OF_SERVER = { ascending: roomsOfServer('asc'), descending: roomsOfServer('desc') }
const countOfServer = query((db, param: { server: ServerName }) =>
  ofServer(db, param.server).select(({ fn }) => fn.countAll<number>().as('total')),
)
const unfilled = query((db, param: { limit: number }) =>
  db.selectFrom('room_overviews').select('room').where('filled', '=', sql.lit(0)).limit(param.limit),
)
const blockedOne = query((db, param: { roomId: RoomId }) =>
  db.selectFrom('blocked_rooms').selectAll().where('room_id', '=', param.roomId),
)
const blockedPage = query((db, param: { after: string; limit: number }) =>
  db
    .selectFrom('blocked_rooms')
    .selectAll()
    .where('room_id', '>', param.after as RoomId)
    .orderBy('room_id')
    .limit(param.limit),
)
const insertBlocked = insertInto(
  'blocked_rooms',
  { room_id: 'text', blocked_by: 'text', blocked_ms: 'integer' },
  { ifExists: 'ignore' },
)
const takeBlocked = query((db, param: { roomId: RoomId }) =>
  db.deleteFrom('blocked_rooms').where('room_id', '=', param.roomId),
)

const block = defineWrite('blockedRooms.block', async (tx, room: BlockedRoom): Promise<void> => {
  const { roomId, blockedBy, blockedAtMs } = room
  await tx.insertMany(insertBlocked, [{ room_id: roomId, blocked_by: blockedBy, blocked_ms: blockedAtMs }])
})
const unblock = defineWrite('blockedRooms.unblock', async (tx, input: { readonly roomId: RoomId }): Promise<void> => {
  await tx.run(takeBlocked, input)
})

export const blockedRoomWrites = [block, unblock]

export const blockedRoomsWriter: BlockedRoomsWriter = { block, unblock: (roomId) => unblock({ roomId }) }

export const roomOverviewsReader = (db: Db): RoomOverviewsReader => ({
  page: async ({ order, direction, offset, limit, ...filters }) => {
    const pages = PAGES.get(order)
    if (pages === undefined) throw new Error(`rooms have no order by ${order}`)
    const filter = filterOf(filters)
    const isAll = filter.term === '' && filter.published < 0 && filter.empty < 0
    const [rows, [count]] = await Promise.all([
      db.longAll(pages[direction], { ...filter, offset, limit }),
      isAll ? db.longAll(countedAll, {}) : db.longAll(counted, filter),
    ])
    return { rooms: rows.map(toOverview), total: count?.total ?? 0 }
  },
  overview: async (roomId) => {
    const row = await db.first(one, { roomId })
    return row === undefined ? undefined : toOverview(row)
  },
  localUse: async (room) => {
    const [[count], remembering] = await Promise.all([
      db.longAll(localDevices, { room }),
      db.longAll(whoRemembers, { room }),
    ])
    return { devices: count?.devices ?? 0, isForgotten: remembering.length === 0 }
  },
  neighbours: async () => (await db.longAll(neighbours, {})).map(({ name }) => name),
  roomsOfServer: async (server, { direction, offset, limit }) => {
    const [rows, [count]] = await Promise.all([
      db.longAll(ROOMS_OF_SERVER[direction], { server, offset, limit }),
      db.longAll(countOfServer, { server }),
    ])
    return { roomIds: rows.map((row) => row.room_id), total: count?.total ?? 0 }
  },
  unfilled: async (limit) => (await db.all(unfilled, { limit })).map(({ room }) => room),
  blocked: async (roomId) => {
    const row = await db.first(blockedOne, { roomId })
    return row === undefined ? undefined : toBlocked(row)
  },
  blockedRooms: async (after, limit) => (await db.all(blockedPage, { after, limit })).map(toBlocked),
})

const threeWay = (wanted: boolean | undefined): number => (wanted === undefined ? -1 : Number(wanted))

const filterOf = ({
  term = '',
  published,
  empty,
}: Pick<RoomOverviewsQuery, 'term' | 'published' | 'empty'>): Filter => ({
  term,
  pattern: `%${term.toLowerCase().replaceAll(/[\\%_]/g, String.raw`\$&`)}%`,
  published: threeWay(published),
  empty: threeWay(empty),
})

const toBlocked = (row: RoomTables['blocked_rooms']): BlockedRoom => ({
  roomId: row.room_id,
  blockedBy: row.blocked_by as UserId | 'operator',
  blockedAtMs: row.blocked_ms,
})

const toOverview = (row: Row): RoomOverview => ({
  room: row.room,
  roomId: row.room_id,
  name: row.name,
  canonicalAlias: row.canonical_alias,
  joinedCount: row.joined_count,
  joinedLocalCount: row.joined_local,
  version: row.version,
  creator: row.creator,
  encryption: row.encryption,
  federatable: row.federatable === 1,
  published: row.published === 1,
  joinRules: row.join_rules,
  guestAccess: row.guest_access,
  historyVisibility: row.history_visibility,
  stateEvents: row.state_events,
  roomType: row.room_type,
})
