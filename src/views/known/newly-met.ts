import type { Pdu, UserId } from '#spec'
import type { RoomNumber, RoomsReader, StoredEvent } from '#store'

/** A user who joins a room with more members is not told everybody's presence. */
export const MAX_MEMBERS_MET = 500

export interface NewlyMetWant {
  readonly userId: UserId
  /** Events of a window, each room's in the order of the stream. */
  readonly events: Iterable<StoredEvent>
  /** Whether the user is joined to the room. */
  isJoined(room: RoomNumber): boolean
}

/** Users whom the user shares a room with since these events: those who joined it, or all its members where the user joined. */
export const newlyMet = async (
  { userId, events, isJoined }: NewlyMetWant,
  reader: Pick<RoomsReader, 'room' | 'members'>,
): Promise<readonly UserId[]> => {
  const met = new Set<UserId>()
  const joined = new Map<RoomNumber, Set<UserId>>()
  for (const event of events) {
    if (event.type !== 'm.room.member' || !isJoined(event.room)) continue
    const other = event.stateKey as UserId
    const inRoom = joined.get(event.room) ?? new Set()
    joined.set(event.room, inRoom)
    if (!isMember(event.json)) inRoom.delete(other)
    // A changed profile is no join.
    else if (event.replaces !== undefined && isMember(event.replaces.json)) continue
    else if (other !== userId) inRoom.add(other)
    else if (((await reader.room(event.room))?.joinedCount ?? 0) <= MAX_MEMBERS_MET) {
      for (const member of await reader.members(event.room, ['join'])) met.add(member.userId)
    }
  }
  for (const inRoom of joined.values()) for (const other of inRoom) met.add(other)
  return [...met]
}

const isMember = (json: string): boolean => (JSON.parse(json) as Pdu).content.membership === 'join'
