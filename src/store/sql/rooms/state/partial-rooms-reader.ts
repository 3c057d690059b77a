import type { RoomId } from '#spec'
import type { PartialRoomsReader } from '../../../ports/rooms/partial-rooms.ts'
import type { Db } from '../../engine/index.ts'
import { query } from '../tables.ts'

const dueRooms = query((db, param: { nowMs: number; limit: number }) =>
  db
    .selectFrom('partial_rooms as p')
    .innerJoin('rooms as r', 'r.room', 'p.room')
    .select(['p.room', 'r.room_id as roomId', 'r.version', 'p.join_id as joinId', 'p.server', 'p.failures'])
    .where('p.due_ms', '<=', param.nowMs)
    .orderBy('p.due_ms')
    .orderBy('p.room')
    .limit(param.limit),
)
const partialRoom = query((db, param: { roomId: RoomId }) =>
  db
    .selectFrom('rooms as r')
    .innerJoin('partial_rooms as p', 'p.room', 'r.room')
    .select('p.room')
    .where('r.room_id', '=', param.roomId),
)

export const partialRoomsReader = (db: Db): PartialRoomsReader => ({
  partialRooms: (nowMs, limit) => db.all(dueRooms, { nowMs, limit }),
  isPartial: async (roomId) => (await db.first(partialRoom, { roomId })) !== undefined,
})
