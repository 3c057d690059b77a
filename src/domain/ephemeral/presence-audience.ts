import type { UserId } from '#spec'
import type { RoomNumber, RoomsReader } from '#store'

/** Rooms with more members are not woken: those in them see the change at their next `/sync`, whatever ends it. */
const MAX_WOKEN_MEMBERS = 500
const MAX_WOKEN_ROOMS = 500

/** Which rooms to wake for a change of somebody's presence: bounded, for a change costs as much as it wakes. */
export const roomsToWake = async (
  rooms: Pick<RoomsReader, 'roomsOfUser' | 'room'>,
  userId: UserId,
): Promise<readonly RoomNumber[]> => {
  const joined = (await rooms.roomsOfUser(userId)).filter(({ membership }) => membership === 'join')
  const woken: RoomNumber[] = []
  for (const { room } of joined.toSorted((one, other) => other.position - one.position).slice(0, MAX_WOKEN_ROOMS)) {
    const record = await rooms.room(room)
    if (record !== undefined && record.joinedCount > 1 && record.joinedCount <= MAX_WOKEN_MEMBERS) woken.push(room)
  }
  return woken
}
