import { sql } from 'kysely'
import type { RoomId } from '#spec'
import type { RoomsReader } from '../../ports/rooms/rooms.ts'
import type { Db } from '../engine/index.ts'
import { directoryReader } from './directory-reader.ts'
import { eventsReader } from './events/events-reader.ts'
import { graphReader } from './events/graph-reader.ts'
import { membersReader } from './members/members-reader.ts'
import { serverMembersReader } from './members/server-members-reader.ts'
import { relatedByReader } from './relations/related-by-reader.ts'
import { roomHeadsReader } from './room-heads.ts'
import { roomListsReader } from './room-lists-reader.ts'
import { selectRooms, toRoomRecord } from './room-records.ts'
import { roomServersReader } from './servers/room-servers-reader.ts'
import { partialRoomsReader } from './state/partial-rooms-reader.ts'
import { stateReader } from './state/state-reader.ts'
import { query } from './tables.ts'

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
  ...roomHeadsReader(db),
  ...roomListsReader(db),
  ...serverMembersReader(db),
  ...relatedByReader(db),
  ...roomServersReader(db),
  ...partialRoomsReader(db),

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
