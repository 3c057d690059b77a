import type { Slice } from '#base'
import { authoriseEvent, checkAuthEventSelection, describeRefusal, type StateMap } from '#rules'
import { type EventId, type RoomEvent, type RoomVersion, stateTupleKey, stringAt } from '#spec'
import type { CheckedEvent } from '../receiving/index.ts'
import { UnusableAnswer } from './asked-servers.ts'

/** A state with its auth chain as another server told it; every event passed the checks that need no room. */
export interface ToldState {
  readonly version: RoomVersion
  readonly events: ReadonlyMap<EventId, CheckedEvent>
  readonly stateIds: readonly EventId[]
  readonly join: CheckedEvent
  /** Members were left out of the state: those by which the join is authorised are in it all the same. */
  readonly lacksMembers: boolean
}

export interface JudgedState {
  /** All that are authorised, auth events before those that cite them. */
  readonly events: CheckedEvent[]
  readonly state: StateMap
}

/**
 * Judges a told state as a whole: each event by its auth events, and the join by the state. What is not authorised is left out. Throws `UnusableAnswer` where
 * the rest is no state of such a room, or does not allow the join.
 */
export const judgedState = async (told: ToldState, slice: Slice): Promise<JudgedState> => {
  const { version, join } = told
  const good = new Map<EventId, CheckedEvent>()
  for (const eventId of inAuthOrder(told.events)) {
    if (slice.isOver()) await slice.next()
    const event = told.events.get(eventId) as CheckedEvent
    if (isAuthorised(version, event.event, good)) good.set(eventId, event)
  }
  const state = new Map<string, EventId>()
  const members = told.lacksMembers ? join.event.authEvents : []
  for (const eventId of [...members, ...told.stateIds]) {
    const event = good.get(eventId)?.event
    if (event?.stateKey !== undefined) state.set(stateTupleKey(event.type, event.stateKey), eventId)
  }
  mindJoin(version, join.event, state, good)
  return { events: [...good.values()], state }
}

/**
 * The ids of events, those of auth events before those of events that cite them, and the create event before all: since room version 12 nobody cites it. A
 * cycle is cut anywhere: no event of it can be authorised.
 */
const inAuthOrder = (events: ReadonlyMap<EventId, CheckedEvent>): readonly EventId[] => {
  const order: EventId[] = []
  const met = new Set<EventId>()
  const creates = [...events.values()].flatMap(({ event }) => (event.type === 'm.room.create' ? [event.eventId] : []))
  for (const first of [...creates, ...events.keys()]) {
    const path: { readonly eventId: EventId; next: number }[] = []
    const enter = (eventId: EventId): void => {
      if (met.has(eventId) || !events.has(eventId)) return
      met.add(eventId)
      path.push({ eventId, next: 0 })
    }
    enter(first)
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const cited = events.get(top.eventId)?.event.authEvents[top.next++]
      if (cited !== undefined) enter(cited)
      else {
        order.push(top.eventId)
        path.pop()
      }
    }
  }
  return order
}

const isAuthorised = (version: RoomVersion, event: RoomEvent, good: ReadonlyMap<EventId, CheckedEvent>): boolean => {
  const cited: RoomEvent[] = []
  for (const eventId of event.authEvents) {
    const found = good.get(eventId)?.event
    if (found === undefined) return false
    cited.push(found)
  }
  if (!checkAuthEventSelection(version, event, cited).allowed) return false
  const create = version.roomIdIsCreateHash ? good.get(`$${event.roomId.slice(1)}` as EventId)?.event : undefined
  const lookup = (type: string, stateKey: string): RoomEvent | undefined =>
    type === 'm.room.create' && create !== undefined
      ? create
      : cited.find((one) => one.type === type && one.stateKey === stateKey)
  return authoriseEvent(version, event, lookup).allowed
}

const mindJoin = (
  version: RoomVersion,
  join: RoomEvent,
  state: StateMap,
  good: ReadonlyMap<EventId, CheckedEvent>,
): void => {
  const lookup = (type: string, stateKey: string): RoomEvent | undefined => {
    const eventId = state.get(stateTupleKey(type, stateKey))
    return eventId === undefined ? undefined : good.get(eventId)?.event
  }
  const create = lookup('m.room.create', '')
  if (create === undefined) throw new UnusableAnswer('the state has no create event that is authorised')
  if ((stringAt(create.content, 'room_version') ?? '1') !== version.id)
    throw new UnusableAnswer('the room has another version than the template said')
  for (const eventId of join.authEvents)
    if (!good.has(eventId)) throw new UnusableAnswer('the answer lacks an auth event of the join')
  if (!isAuthorised(version, join, good)) throw new UnusableAnswer('its auth events do not allow the join')
  const verdict = authoriseEvent(version, join, lookup)
  if (!verdict.allowed)
    throw new UnusableAnswer(`the state does not allow the join: ${describeRefusal(verdict.refusal)}`)
}
