import { type ExpressionBuilder, type Kysely, sql } from 'kysely'
import type { EventId, RoomId } from '#spec'
import type { EmptyRoom, EmptyRoomsQuery, RoomPurgesReader } from '../../ports/rooms/room-purges.ts'
import type { Db } from '../engine/index.ts'
import { baseIn } from './room-base.ts'
import { query, type RoomTables } from './tables.ts'

/** Literals, because a partial index does not serve parameters. The room's newest event is one lookup in the index of its timeline. */
const selectEmpty = (db: Kysely<RoomTables>, param: { beforeMs: number; limit: number }) =>
  db
    .selectFrom('rooms')
    .select(['rooms.room', 'rooms.room_id as roomId', 'rooms.sequence', 'rooms.extremities'])
    .select((of) => newestOf(of).select('e.event_id').as('newest'))
    .where('rooms.joined_count', '=', sql.lit(0))
    .where('rooms.invited_count', '=', sql.lit(0))
    .where((of) => of(newestOf(of).select('e.origin_server_ts'), '<', param.beforeMs))
    .orderBy('rooms.room')
    .limit(param.limit)

const newestOf = ({ selectFrom }: ExpressionBuilder<RoomTables, 'rooms'>) =>
  selectFrom('events as e')
    .whereRef('e.room', '=', 'rooms.room')
    .where('e.position', 'is not', null)
    .orderBy('e.position', 'desc')
    .limit(1)

const membershipsOf = ({ selectFrom }: ExpressionBuilder<RoomTables, 'rooms'>) =>
  selectFrom('memberships as m').select('m.user_number').whereRef('m.room', '=', 'rooms.room')

const leftRooms = query((db, param: { beforeMs: number; limit: number }) =>
  selectEmpty(db, param).where((of) => of.not(of.exists(membershipsOf(of).where('m.membership', '=', 'knock')))),
)
const forgottenRooms = query((db, param: { beforeMs: number; limit: number }) =>
  selectEmpty(db, param).where((of) => of.not(of.exists(membershipsOf(of).where('m.forgotten', '=', 0)))),
)
const purges = query((db) => db.selectFrom('room_purges').select(['room', 'room_id as roomId']).orderBy('room'))

const toEmptyRooms = (
  rows: readonly {
    room: number
    roomId: RoomId
    sequence: number
    extremities: string | null
    newest: EventId | null
  }[],
): readonly EmptyRoom[] =>
  rows.map(({ room, roomId, ...row }) => {
    const { sequence, head } = baseIn(row)
    return { room, roomId, base: { sequence, head } }
  })

export const roomPurgesReader = (db: Db): RoomPurgesReader => ({
  emptyRooms: async ({ forgottenByAll, beforeMs, limit }: EmptyRoomsQuery) =>
    toEmptyRooms(await db.longAll(forgottenByAll ? forgottenRooms : leftRooms, { beforeMs, limit })),
  roomsBeingPurged: () => db.all(purges, {}),
})
