import type { Result } from '#base'
import { fail, ok } from '#base'
import { type EventId, type RoomEvent, type RoomVersion, stateTupleKey } from '#spec'
import { authEventTuples, authoriseEvent } from '../auth/index.ts'
import { authDifference } from './auth-difference.ts'
import type { Conflict, EventLookup, MissingEvents, StateMap } from './conflict.ts'
import { conflictedEvents } from './conflict.ts'
import { conflictedSubgraph } from './conflicted-subgraph.ts'
import { EventReader } from './event-reader.ts'
import { mainlineOrder } from './mainline-order.ts'
import { powerOrder } from './power-order.ts'
import type { ResolutionSteps } from './steps.ts'

/**
 * State resolution of room versions 2 to 11 and, as version 2.1, of 12 ("Room version 2" and "Room version 12", "State
 * resolution"). Version 2.1 adds the conflicted state subgraph to the full conflicted set and starts the iterative auth
 * checks from an empty state.
 */
export function* resolveV2(
  version: RoomVersion,
  conflict: Conflict,
  events: EventLookup,
): ResolutionSteps<Result<StateMap, MissingEvents>> {
  const reader = new EventReader(events)
  const full = yield* fullConflictedSet(version, conflict, reader)
  const base = version.stateResolution === 'v2.1' ? EMPTY : conflict.unconflicted
  if (reader.isComplete) yield* readAhead(version, full, base, reader)
  if (!reader.isComplete) return fail(reader.missingEvents())

  const state = new PartialState(version, base, reader)
  const powerEvents = yield* powerOrder(version, full, reader)
  for (const event of powerEvents) {
    yield
    state.apply(event)
  }
  const applied = new Set(powerEvents.map(({ eventId }) => eventId))
  const remaining: RoomEvent[] = []
  for (const eventId of full) {
    const event = applied.has(eventId) ? undefined : reader.get(eventId)
    if (event !== undefined) remaining.push(event)
  }
  for (const event of yield* mainlineOrder(remaining, state.at('m.room.power_levels', ''), reader)) {
    yield
    state.apply(event)
  }
  if (!reader.isComplete) return fail(reader.missingEvents())
  return ok(state.entriesBeside(conflict))
}

type Base = Pick<Conflict['unconflicted'], 'get'>
const EMPTY: Base = { get: () => undefined }

function* fullConflictedSet(
  version: RoomVersion,
  conflict: Conflict,
  reader: EventReader,
): ResolutionSteps<ReadonlySet<EventId>> {
  const conflicted = conflictedEvents(conflict)
  const full = yield* authDifference(conflict, reader)
  const more = version.stateResolution === 'v2.1' ? yield* conflictedSubgraph(conflicted, reader) : conflicted
  for (const eventId of more) full.add(eventId)
  return full
}

/** Looks up all that the checks will ask for, so that what is missing is named at once and not one by one. */
function* readAhead(
  version: RoomVersion,
  full: ReadonlySet<EventId>,
  base: Base,
  reader: EventReader,
): ResolutionSteps<void> {
  for (const eventId of full) {
    yield
    const event = reader.get(eventId)
    if (event === undefined) continue
    for (const cited of event.authEvents) reader.get(cited)
    reader.createOf(version, event)
    for (const { type, stateKey } of authEventTuples(version, event)) {
      const inForce = base.get(stateTupleKey(type, stateKey))
      if (inForce !== undefined) reader.get(inForce)
    }
  }
}

/** The state that the iterative auth checks build: what they let in so far, above the state they started from. */
class PartialState {
  readonly #version: RoomVersion
  readonly #base: Base
  readonly #reader: EventReader
  readonly #entries = new Map<string, RoomEvent>()

  constructor(version: RoomVersion, base: Base, reader: EventReader) {
    this.#version = version
    this.#base = base
    this.#reader = reader
  }

  at(type: string, stateKey: string): RoomEvent | undefined {
    const key = stateTupleKey(type, stateKey)
    const entry = this.#entries.get(key)
    if (entry !== undefined) return entry
    const eventId = this.#base.get(key)
    return eventId === undefined ? undefined : this.#reader.get(eventId)
  }

  /** Lets the event in if it is authorised by this state, or where that lacks an entry by the event's own auth events. */
  apply(event: RoomEvent): void {
    if (event.stateKey === undefined) return
    const verdict = authoriseEvent(this.#version, event, (type, stateKey) => {
      const inForce = this.at(type, stateKey)
      if (inForce !== undefined) return inForce
      if (type === 'm.room.create') return this.#reader.createOf(this.#version, event)
      return this.#citedBy(event, type, stateKey)
    })
    if (verdict.allowed) this.#entries.set(stateTupleKey(event.type, event.stateKey), event)
  }

  #citedBy(event: RoomEvent, type: string, stateKey: string): RoomEvent | undefined {
    const cited = this.#reader.authEvent(event, type, stateKey)
    return cited === undefined || cited.rejected ? undefined : cited
  }

  /** The last step: unconflicted entries prevail. */
  entriesBeside({ unconflicted }: Conflict): StateMap {
    const entries = new Map<string, EventId>()
    for (const [key, { eventId }] of this.#entries) {
      if (unconflicted.get(key) === undefined) entries.set(key, eventId)
    }
    return entries
  }
}
