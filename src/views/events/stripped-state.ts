import type { UserId } from '#spec'
import type { OutsideRoomsReader, RoomNumber, RoomStateReader, StoredEvent } from '#store'
import type { ClientEvents } from './client-event.ts'

const STRIPPED_TYPES = [
  'm.room.create',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.join_rules',
  'm.room.canonical_alias',
  'm.room.encryption',
]

/** The stripped state (section "Stripped state") of a room for an invited or knocking user, the inviter's member event included. */
export interface StrippedState {
  /** Members of a JSON list. */
  readonly texts: readonly string[]
  /** The user's own member event, the invite or the knock itself; its stripped form is the last of the texts. */
  readonly own: StoredEvent | undefined
}

export interface StrippedStateParts {
  readonly reader: RoomStateReader
  /** Rooms that this server is not in, as others told of them. */
  readonly outside: OutsideRoomsReader
  readonly clientEvents: ClientEvents
}

export const strippedState = async (
  room: RoomNumber,
  at: number,
  userId: UserId,
  { reader, outside, clientEvents }: StrippedStateParts,
): Promise<StrippedState> => {
  const own = await reader.stateEvent(room, at, 'm.room.member', userId)
  const told = own === undefined ? undefined : await outside.strippedRoom(own.event)
  if (own !== undefined && told !== undefined) return { texts: [...told.texts, clientEvents.stripped(own)], own }
  const events = [...(await reader.state(room, { at, types: STRIPPED_TYPES, stateKeys: [''] }))]
  if (own !== undefined) {
    const inviter = await reader.stateEvent(room, at, 'm.room.member', own.sender)
    if (inviter !== undefined && inviter.eventId !== own.eventId) events.push(inviter)
    events.push(own)
  }
  return { texts: events.map((event) => clientEvents.stripped(event)), own }
}
