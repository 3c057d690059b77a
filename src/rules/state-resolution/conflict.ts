import type { EventId, RoomEvent } from '#spec'

/** A room's state: `stateTupleKey` to the event in force. */
export type StateMap = ReadonlyMap<string, EventId>

/** The events for a resolution. It is synchronous: for events that are not at hand see `MissingEvents`. */
export interface EventLookup {
  readonly get: (eventId: EventId) => RoomEvent | undefined
  /**
   * A number for each event that is higher than those of its auth events: where events are stored only after what they
   * cite, the count of events stored before. With it no walk goes further back than the conflict does; without it the whole
   * auth chain of the conflict is read. It never changes the outcome. Depths will not do: nobody checks them.
   */
  readonly order?: (eventId: EventId) => number
}

/** The events to load before the resolution is tried again; with their auth chains loaded too it takes fewer rounds. */
export interface MissingEvents {
  readonly missing: readonly EventId[]
}

/** The entries on which all state sets agree, however they are kept. */
export interface UnconflictedState {
  readonly get: (tupleKey: string) => EventId | undefined
  /**
   * Events among these entries that may have one of `events` in their auth chain; asked only when it matters. All of the
   * entries are a right answer; those that came into being after the first of `events` are a cheaper one.
   */
  readonly mayReach: (events: readonly EventId[]) => Iterable<EventId>
}

/** States that differ, reduced to what differs. */
export interface Conflict {
  /** The entries of each state set for the keys on which not all sets agree. */
  readonly sets: readonly StateMap[]
  readonly unconflicted: UnconflictedState
}

/** Splits whole states. Undefined when they are all the same. */
export const findConflict = (stateSets: readonly StateMap[], events: EventLookup): Conflict | undefined => {
  const distinct = [...new Set(stateSets)]
  const conflictedKeys = new Set<string>()
  const [first, ...others] = distinct
  if (first === undefined) return undefined
  for (const [key, eventId] of first) {
    for (const other of others) {
      if (other.get(key) !== eventId) {
        conflictedKeys.add(key)
        break
      }
    }
  }
  for (const other of others) {
    for (const key of other.keys()) if (!first.has(key)) conflictedKeys.add(key)
  }
  if (conflictedKeys.size === 0) return undefined
  return {
    sets: distinct.map((state) => pick(state, conflictedKeys)),
    unconflicted: unconflictedPart(first, conflictedKeys, events),
  }
}

const pick = (state: StateMap, keys: ReadonlySet<string>): StateMap => {
  const picked = new Map<string, EventId>()
  for (const key of keys) {
    const eventId = state.get(key)
    if (eventId !== undefined) picked.set(key, eventId)
  }
  return picked
}

const unconflictedPart = (
  state: StateMap,
  conflictedKeys: ReadonlySet<string>,
  { order }: EventLookup,
): UnconflictedState => ({
  get: (key) => (conflictedKeys.has(key) ? undefined : state.get(key)),
  *mayReach(targets) {
    let first = Number.POSITIVE_INFINITY
    for (const target of targets) first = Math.min(first, order?.(target) ?? Number.NEGATIVE_INFINITY)
    for (const [key, eventId] of state) {
      if ((order === undefined || order(eventId) >= first) && !conflictedKeys.has(key)) yield eventId
    }
  },
})

/** The conflicted state set. */
export const conflictedEvents = ({ sets }: Conflict): Set<EventId> => {
  const found = new Set<EventId>()
  for (const state of sets) for (const eventId of state.values()) found.add(eventId)
  return found
}
