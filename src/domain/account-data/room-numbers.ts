import { MatrixError, type RoomId } from '#spec'
import type { RoomNumber, RoomsReader } from '#store'

export type RoomNumbers = Pick<RoomsReader, 'roomByRoomId'>

/** Throws `M_NOT_FOUND` for a room that is unknown here. */
export const roomNumber = async (rooms: RoomNumbers, roomId: RoomId): Promise<RoomNumber> => {
  const record = await rooms.roomByRoomId(roomId)
  if (record === undefined) throw new MatrixError('M_NOT_FOUND', 'Unknown room')
  return record.room
}
