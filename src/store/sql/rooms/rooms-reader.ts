import { type Kysely, sql } from 'kysely'
import type { RoomId } from '#spec'
import type { Extremity } from '../../ports/rooms/room-change.ts'
import type { RoomRecord, RoomsReader } from '../../ports/rooms/rooms.ts'
import type { Db } from '../engine/index.ts'
import { directoryReader } from './directory-reader.ts'
import { eventsReader } from './events/events-reader.ts'
import { graphReader } from './events/graph-reader.ts'
import { membersReader } from './members/members-reader.ts'
import { serverMembersReader } from './members/server-members-reader.ts'
import { relatedByReader } from './relations/related-by-reader.ts'
import { branchesIn, newestOf } from './room-base.ts'
import { roomListsReader } from './room-lists-reader.ts'
import { roomServersReader } from './servers/room-servers-reader.ts'
import { stateReader } from './state/state-reader.ts'
import { query, type RoomTables } from './tables.ts'

const selectRooms = (db: Kysely<RoomTables>) =>
  db
    .selectFrom('rooms as r')
    .leftJoin('events as newest', (join) =>
      join.on((of) => of('newest.event', '=', newestOf(of as never).select('e.event'))),
    )
    .select([
      'r.room',
      'r.room_id',
      'r.version',
      'r.sequence',
      'r.extremities',
      'r.joined_count',
      'r.invited_count',
      'r.published',
      'r.last_resolved_position',
      'r.state_bytes',
      'r.state_entries',
      'newest.event as newest_event',
      'newest.event_id as newest_id',
      'newest.depth as newest_depth',
    ])
    .select(({ exists, selectFrom }) =>
      exists(
        selectFrom('state_log as p')
          .select('p.position')
          .whereRef('p.room', '=', 'r.room')
          .where('p.type', '=', sql.lit('m.room.policy'))
          .where('p.state_key', '=', sql.lit(''))
          .where('p.until_position', 'is', null),
      ).as('is_policed'),
    )

const roomByNumber = query((db, param: { room: number }) => selectRooms(db).where('r.room', '=', param.room))
const roomById = query((db, param: { roomId: RoomId }) => selectRooms(db).where('r.room_id', '=', param.roomId))
const roomOfAlias = query((db, param: { alias: string }) =>
  db
    .selectFrom('aliases as a')
    .innerJoin('rooms as r', 'r.room', 'a.room')
    .innerJoin('users as u', 'u.user_number', 'a.creator')
    .select(['a.room', 'r.room_id as roomId', 'u.user_id as creator'])
    .where('a.alias', '=', param.alias),
)
const missingOfRoom = query((db, param: { room: number }) =>
  db.selectFrom('missing_events').select('event_id').where('room', '=', param.room).orderBy('event_id'),
)
const aliasesOfRoom = query((db, param: { room: number; limit: number }) =>
  db.selectFrom('aliases').select('alias').where('room', '=', param.room).orderBy('alias').limit(param.limit),
)

type RoomRow = Awaited<ReturnType<ReturnType<typeof selectRooms>['execute']>>[number]

const extremitiesOf = ({ extremities, newest_id, newest_depth }: RoomRow): readonly Extremity[] => {
  if (extremities === null)
    return newest_id === null || newest_depth === null ? [] : [{ eventId: newest_id, depth: newest_depth }]
  return branchesIn(extremities)
}

const toRoomRecord = (row: RoomRow): RoomRecord => ({
  room: row.room,
  roomId: row.room_id,
  version: row.version,
  sequence: row.sequence,
  extremities: extremitiesOf(row),
  joinedCount: row.joined_count,
  invitedCount: row.invited_count,
  published: row.published === 1,
  policed: Boolean(row.is_policed),
  lastPosition: row.newest_event ?? 0,
  lastResolvedPosition: row.last_resolved_position,
  stateSize:
    row.state_bytes === null || row.state_entries === null
      ? undefined
      : { bytes: row.state_bytes, entries: row.state_entries },
})

const countedBytes = (free: number) => sql<number>`case
  when s.type <> 'm.room.member' then octet_length(e.json)
  when octet_length(e.json) > ${free} then octet_length(e.json) - ${free}
  else 0 end`
const sizeOfState = query((db, param: { room: number; free: number }) =>
  db
    .selectFrom('state_log as s')
    .innerJoin('events as e', 'e.event', 's.event')
    .select([
      sql<number>`coalesce(sum(${countedBytes(param.free)}), 0)`.as('bytes'),
      sql<number>`coalesce(sum(case when s.type <> 'm.room.member' then 1 else 0 end), 0)`.as('entries'),
    ])
    .where('s.room', '=', param.room)
    .where('s.until_position', 'is', null),
)

export const roomsReader = (db: Db): RoomsReader => ({
  ...eventsReader(db),
  ...stateReader(db),
  ...graphReader(db),
  ...membersReader(db),
  ...directoryReader(db),
  ...roomListsReader(db),
  ...serverMembersReader(db),
  ...relatedByReader(db),
  ...roomServersReader(db),

  room: async (room) => {
    const row = await db.first(roomByNumber, { room })
    return row && toRoomRecord(row)
  },

  roomByRoomId: async (roomId) => {
    const row = await db.first(roomById, { roomId })
    return row && toRoomRecord(row)
  },

  roomOfAlias: (alias) => db.first(roomOfAlias, { alias }),

  aliasesOf: async (room, limit = Number.MAX_SAFE_INTEGER) =>
    (await db.all(aliasesOfRoom, { room, limit })).map(({ alias }) => alias),

  stateSize: async (room, free) => {
    const [size] = await db.longAll(sizeOfState, { room, free })
    return { bytes: Number(size?.bytes ?? 0), entries: Number(size?.entries ?? 0) }
  },

  missingEvents: async (room) => (await db.all(missingOfRoom, { room })).map(({ event_id }) => event_id),
})
