import type { UserId } from '#spec'
import type { RoomNumber, RoomsReader } from '#store'

const MAX_WOKEN_ROOMS = 500

/** The rooms to wake for a change of somebody's presence: those joined last. People in other rooms get it with their next answer. */
export const roomsToWake = async (
  rooms: Pick<RoomsReader, 'roomsOfUser'>,
  userId: UserId,
): Promise<readonly RoomNumber[]> => {
  const joined = (await rooms.roomsOfUser(userId)).filter(({ membership }) => membership === 'join')
  return joined
    .toSorted((one, other) => other.position - one.position)
    .slice(0, MAX_WOKEN_ROOMS)
    .map(({ room }) => room)
}
