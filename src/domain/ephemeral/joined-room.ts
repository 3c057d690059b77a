import { MatrixError, type RoomId, type UserId } from '#spec'
import type { RoomNumber, RoomsReader } from '#store'

/** Throws `M_FORBIDDEN` if the user is not joined, whether or not there is such a room. */
export const joinedRoom = async (
  rooms: Pick<RoomsReader, 'roomByRoomId' | 'membership'>,
  roomId: RoomId,
  userId: UserId,
): Promise<RoomNumber> => {
  const room = (await rooms.roomByRoomId(roomId))?.room
  const member = room === undefined ? undefined : await rooms.membership(room, userId)
  if (room === undefined || member?.membership !== 'join')
    throw new MatrixError('M_FORBIDDEN', 'You are not in this room')
  return room
}
