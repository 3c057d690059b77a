import type { Result } from '#base'
import { fail, ok } from '#base'
import type { EventId, Pdu, RoomId, RoomVersion } from '#spec'
import { parseEventId } from '#spec'
import type { CanonicalJsonFailure } from './canonical-json.ts'
import { essentialJson, sha256Base64, sha256UrlSafeBase64 } from './hashes.ts'

export type EventIdFailure = CanonicalJsonFailure | { readonly reason: 'no-event-id' }

/** An event's id: the one in the event in room versions 1 and 2, since then its reference hash. */
export const eventIdOf = (version: RoomVersion, pdu: Pdu): Result<EventId, EventIdFailure> => {
  const essential = version.eventId === 'given' ? ok('') : essentialJson(version, pdu)
  if (!essential.ok) return essential
  const eventId = eventIdFromEssentialJson(version, pdu, essential.value)
  return eventId === undefined ? fail({ reason: 'no-event-id' }) : ok(eventId)
}

/** The event's id, for callers that already have the text of `essentialJson`. */
export const eventIdFromEssentialJson = (version: RoomVersion, pdu: Pdu, essential: string): EventId | undefined => {
  switch (version.eventId) {
    case 'given':
      return typeof pdu.event_id === 'string' ? parseEventId(pdu.event_id) : undefined
    case 'hash-standard-base64':
      return `$${sha256Base64(essential)}` as EventId
    case 'hash-urlsafe-base64':
      return `$${sha256UrlSafeBase64(essential)}` as EventId
  }
}

/** The id of the room that a create event founds, where the version derives it ("Room version 12", "Event format"). */
export const roomIdOfCreateEvent = (createEventId: EventId): RoomId => `!${createEventId.slice(1)}` as RoomId

/** The create event that such a room id names. */
export const createEventIdOfRoom = (roomId: RoomId): EventId => `$${roomId.slice(1)}` as EventId
