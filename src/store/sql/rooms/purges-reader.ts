import { type ExpressionBuilder, type Kysely, sql } from 'kysely'
import type { EmptyRoomsQuery, RoomPurgesReader } from '../../ports/rooms/room-purges.ts'
import type { Db } from '../engine/index.ts'
import { query, type RoomTables } from './tables.ts'

/** Literals: a partial index does not serve parameters. */
const selectEmpty = (db: Kysely<RoomTables>, param: { beforeMs: number; limit: number }) =>
  db
    .selectFrom('rooms')
    .innerJoin('events as newest', 'newest.position', 'rooms.last_position')
    .select(['rooms.room', 'rooms.room_id as roomId', 'rooms.sequence'])
    .where('rooms.joined_count', '=', sql.lit(0))
    .where('rooms.invited_count', '=', sql.lit(0))
    .where('newest.origin_server_ts', '<', param.beforeMs)
    .orderBy('rooms.room')
    .limit(param.limit)

const membershipsOf = ({ selectFrom }: ExpressionBuilder<RoomTables, 'rooms'>) =>
  selectFrom('memberships as m').select('m.user_number').whereRef('m.room', '=', 'rooms.room')

const leftRooms = query((db, param: { beforeMs: number; limit: number }) =>
  selectEmpty(db, param).where((of) => of.not(of.exists(membershipsOf(of).where('m.membership', '=', 'knock')))),
)
const forgottenRooms = query((db, param: { beforeMs: number; limit: number }) =>
  selectEmpty(db, param).where((of) => of.not(of.exists(membershipsOf(of).where('m.forgotten', '=', 0)))),
)
const purges = query((db) => db.selectFrom('room_purges').select(['room', 'room_id as roomId']).orderBy('room'))

export const roomPurgesReader = (db: Db): RoomPurgesReader => ({
  emptyRooms: ({ forgottenByAll, beforeMs, limit }: EmptyRoomsQuery) =>
    db.longAll(forgottenByAll ? forgottenRooms : leftRooms, { beforeMs, limit }),
  roomsBeingPurged: () => db.longAll(purges, {}),
})
