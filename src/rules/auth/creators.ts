import type { RoomEvent, RoomVersion, UserId } from '#spec'
import { parseUserId, ROOM_VERSIONS, serverOf, stringAt } from '#spec'
import { roomIdOfCreateEvent } from '../event-id.ts'
import type { AuthVerdict } from './refusal.ts'
import { ALLOWED, refuse } from './refusal.ts'

/**
 * A room's creators, first the user who made it: the create event's sender, before room version 11 its
 * `content.creator` (none where that is no user ID), since version 12 also its `additional_creators`.
 */
export const creatorsOf = (version: RoomVersion, create: RoomEvent): readonly UserId[] => {
  if (!version.auth.creatorIsSender) {
    const creator = parseUserId(stringAt(create.content, 'creator') ?? '')
    return creator === undefined ? [] : [creator]
  }
  if (!version.auth.privilegedCreators) return [create.sender]
  return [...new Set([create.sender, ...(additionalCreators(create) ?? [])])]
}

/** undefined when the member is there and not a list of user IDs. */
const additionalCreators = (create: RoomEvent): readonly UserId[] | undefined => {
  const listed = Object.hasOwn(create.content, 'additional_creators') ? create.content.additional_creators : []
  if (!Array.isArray(listed)) return undefined
  const creators: UserId[] = []
  for (const entry of listed) {
    const userId = typeof entry === 'string' ? parseUserId(entry) : undefined
    if (userId === undefined) return undefined
    creators.push(userId)
  }
  return creators
}

/** Rule 1, of `m.room.create`. */
export const authoriseCreate = (version: RoomVersion, event: RoomEvent): AuthVerdict => {
  if (event.prevEvents.length > 0) return refuse({ reason: 'create-has-prev-events' })
  if (!roomIdMatches(version, event)) return refuse({ reason: 'create-room-id-mismatch', roomId: event.roomId })
  const roomVersion = Object.hasOwn(event.content, 'room_version') ? event.content.room_version : undefined
  if (roomVersion !== undefined && (typeof roomVersion !== 'string' || !ROOM_VERSIONS.has(roomVersion)))
    return refuse({ reason: 'create-room-version-unknown' })
  if (!version.auth.creatorIsSender && !Object.hasOwn(event.content, 'creator'))
    return refuse({ reason: 'create-without-creator' })
  if (version.auth.privilegedCreators && additionalCreators(event) === undefined)
    return refuse({ reason: 'create-additional-creators-malformed' })
  return ALLOWED
}

/** Since room version 12 the event must not have a room id on the wire; ours is then derived from its event id. */
const roomIdMatches = (version: RoomVersion, create: RoomEvent): boolean => {
  if (version.roomIdIsCreateHash) return create.roomId === roomIdOfCreateEvent(create.eventId)
  const colon = create.roomId.indexOf(':')
  return colon > 0 && create.roomId.slice(colon + 1) === serverOf(create.sender)
}
