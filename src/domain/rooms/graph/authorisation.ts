import {
  authEventTuples,
  authoriseEvent,
  checkAuthEventSelection,
  createEventIdOfRoom,
  describeRefusal,
  type StateLookup,
} from '#rules'
import { type EventId, type RoomEvent, type RoomVersion, type StateTuple, stateTupleKey } from '#spec'

/** State that the rules may need for any event. */
const ALWAYS_ASKED: readonly StateTuple[] = [
  { type: 'm.room.create', stateKey: '' },
  { type: 'm.room.join_rules', stateKey: '' },
]

/** The entries of a state that decide whether an event is allowed by it. */
export const decisiveEntries = (version: RoomVersion, event: RoomEvent): readonly StateTuple[] => [
  ...authEventTuples(version, event),
  ...ALWAYS_ASKED,
]

/** The events that have to be known to judge one by its auth events. */
export const judgingEvents = (version: RoomVersion, event: RoomEvent): readonly EventId[] =>
  version.roomIdIsCreateHash && event.type !== 'm.room.create'
    ? [...event.authEvents, createEventIdOfRoom(event.roomId)]
    : event.authEvents

/** The reason for which an event's own auth events refuse it. `known` must have all `judgingEvents`. */
export const refusalByAuthEvents = (
  version: RoomVersion,
  event: RoomEvent,
  known: ReadonlyMap<EventId, RoomEvent>,
): string | undefined => {
  if (new Set(event.authEvents).size < event.authEvents.length) return 'it cites an auth event twice'
  const cited = event.authEvents.flatMap((eventId) => known.get(eventId) ?? [])
  if (cited.length < event.authEvents.length) return 'an auth event is not known'
  const selection = checkAuthEventSelection(version, event, cited)
  if (!selection.allowed) return describeRefusal(selection.refusal)
  const entries = new Map(cited.map((one) => [stateTupleKey(one.type, one.stateKey ?? ''), one]))
  return refusalByState(version, event, (type, stateKey) => {
    if (version.roomIdIsCreateHash && type === 'm.room.create') return known.get(createEventIdOfRoom(event.roomId))
    return entries.get(stateTupleKey(type, stateKey))
  })
}

/** The reason for which a state refuses an event. */
export const refusalByState = (version: RoomVersion, event: RoomEvent, stateAt: StateLookup): string | undefined => {
  const verdict = authoriseEvent(version, event, stateAt)
  return verdict.allowed ? undefined : describeRefusal(verdict.refusal)
}
