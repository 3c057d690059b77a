import { type Kysely, sql } from 'kysely'
import type { EventId, RoomId } from '#spec'
import type { EmptyRoom, EmptyRoomsQuery, RoomPurgesReader } from '../../../ports/rooms/room-purges.ts'
import type { Db } from '../../engine/index.ts'
import { baseIn, newestOf, type RoomExpression } from '../room-base.ts'
import { query, type RoomTables } from '../tables.ts'

/** Literals, because a partial index does not serve parameters. The room's newest event is one lookup in the index of its timeline. */
const selectEmpty = (db: Kysely<RoomTables>, param: { beforeMs: number; limit: number }) =>
  db
    .selectFrom('rooms as r')
    .select(['r.room', 'r.room_id as roomId', 'r.sequence', 'r.extremities'])
    .select((of) => newestOf(of).select('e.event_id').as('newest'))
    .where('r.joined_count', '=', sql.lit(0))
    .where('r.invited_count', '=', sql.lit(0))
    .where((of) => of(newestOf(of).select('e.origin_server_ts'), '<', param.beforeMs))
    .orderBy('r.room')
    .limit(param.limit)

const membershipsOf = ({ selectFrom }: RoomExpression) =>
  selectFrom('memberships as m').select('m.user_number').whereRef('m.room', '=', 'r.room')

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
