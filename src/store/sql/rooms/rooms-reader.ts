import { type Kysely, sql } from 'kysely'
import type { EventId, RoomId } from '#spec'
import type { RoomRecord, RoomsReader } from '../../ports/rooms/rooms.ts'
import type { Db } from '../engine/index.ts'
import { eventsReader } from './events-reader.ts'
import { membersReader } from './members-reader.ts'
import { stateReader } from './state-reader.ts'
import { query, type RoomTables } from './tables.ts'

const selectRooms = (db: Kysely<RoomTables>) =>
  db
    .selectFrom('rooms')
    .select([
      'room',
      'room_id',
      'version',
      'sequence',
      'extremities',
      'joined_count',
      'invited_count',
      'published',
      'last_position',
    ])

const roomByNumber = query((db, param: { room: number }) => selectRooms(db).where('room', '=', param.room))
const roomById = query((db, param: { roomId: RoomId }) => selectRooms(db).where('room_id', '=', param.roomId))
// A literal: a partial index does not serve a parameter.
const publishedRooms = query((db) => selectRooms(db).where('published', '=', sql.lit(1)).orderBy('room'))

const roomOfAlias = query((db, param: { alias: string }) =>
  db
    .selectFrom('aliases as a')
    .innerJoin('rooms as r', 'r.room', 'a.room')
    .innerJoin('users as u', 'u.user_number', 'a.creator')
    .select(['a.room', 'r.room_id as roomId', 'u.user_id as creator'])
    .where('a.alias', '=', param.alias),
)
const aliasesOfRoom = query((db, param: { room: number }) =>
  db.selectFrom('aliases').select('alias').where('room', '=', param.room).orderBy('alias'),
)

type RoomRow = Awaited<ReturnType<ReturnType<typeof selectRooms>['execute']>>[number]

const toRoomRecord = (row: RoomRow): RoomRecord => {
  const extremities = JSON.parse(row.extremities) as readonly (readonly [EventId, number])[]
  return {
    room: row.room,
    roomId: row.room_id,
    version: row.version,
    sequence: row.sequence,
    extremities: extremities.map(([eventId, depth]) => ({ eventId, depth })),
    joinedCount: row.joined_count,
    invitedCount: row.invited_count,
    published: row.published === 1,
    lastPosition: row.last_position,
  }
}

export const roomsReader = (db: Db): RoomsReader => ({
  ...eventsReader(db),
  ...stateReader(db),
  ...membersReader(db),

  room: async (room) => {
    const row = await db.first(roomByNumber, { room })
    return row && toRoomRecord(row)
  },

  roomByRoomId: async (roomId) => {
    const row = await db.first(roomById, { roomId })
    return row && toRoomRecord(row)
  },

  roomOfAlias: (alias) => db.first(roomOfAlias, { alias }),

  aliasesOf: async (room) => (await db.all(aliasesOfRoom, { room })).map(({ alias }) => alias),

  publishedRooms: async () => (await db.longAll(publishedRooms, {})).map(toRoomRecord),
})
