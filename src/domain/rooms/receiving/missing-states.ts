import type { StateMap } from '#rules'
import { type EventId, type ServerName, stateTupleKey } from '#spec'
import type { EventPlacing, RoomNumber } from '#store'
import type { RoomGraph } from '../graph/index.ts'
import type { CheckedEvent } from './checked-event.ts'
import type { FetchEvents, FetchedEvents, RoomToFetch } from './fetch-events.ts'
import { inOrder } from './order.ts'

/** A stored event, as far as a state needs it. */
export interface KnownEvent {
  readonly eventId: EventId
  readonly room: RoomNumber
  readonly placing: EventPlacing
  readonly type: string
  readonly stateKey: string | undefined
}

export interface MissingStatesParts {
  readonly fetch: FetchEvents
  readonly graph: Pick<RoomGraph, 'addOutliers' | 'addHistory'>
  /** Stored events; unknown ones are left out. */
  readonly known: (eventIds: readonly EventId[]) => Promise<readonly KnownEvent[]>
}

/** A room from the place of this server in it. */
export interface RoomHere extends RoomToFetch {
  readonly room: RoomNumber
}

/** The time and the new events that one state may cost. */
export interface StateLimits {
  readonly signal: AbortSignal
  readonly maxEvents: number
}

/** Events of the largest state that is taken whole: a room of 100,000 members has three times as many in its state and auth chain. */
export const MAX_STATE_EVENTS = 500_000
/** Up to so many events of a state are asked for one by one; more come with the whole state. */
const ONE_BY_ONE = 50
const KNOWN_AT_ONCE = 1_000
const OUTLIERS_AT_ONCE = 500
/** The most that one state may add: its events are held while they are put into order. */
const MAX_NEW_EVENTS = 60_000

/** Learns what the state was at an event whose predecessors this server does not have, by asking another server. */
export class MissingStates {
  readonly #parts: MissingStatesParts

  constructor(parts: MissingStatesParts) {
    this.#parts = parts
  }

  /**
   * Places an event that others refer to in the room's history, with the state before it as the server says. Returns whether it is stored then. Throws
   * `FederationFailure`, also where some of its state was not answered for.
   */
  async place(server: ServerName, room: RoomHere, eventId: EventId, signal: AbortSignal): Promise<boolean> {
    const { fetch, graph } = this.#parts
    const { events, failure } = await fetch.events(server, room, [eventId], signal)
    if (failure !== undefined) throw failure
    const [event] = events
    if (event === undefined) return false
    // Nothing is before a create event.
    const isFirst = event.event.prevEvents.length === 0
    const limits = { signal, maxEvents: MAX_NEW_EVENTS }
    const stateBefore = isFirst ? undefined : await this.stateBefore(server, room, eventId, limits)
    if (!isFirst && stateBefore === undefined) return false
    const placed = stateBefore === undefined ? event : { ...event, stateBefore }
    const [verdict] = await graph.addHistory(room.roomId, [placed])
    return verdict !== undefined && verdict.kind !== 'missing'
  }

  /**
   * The state before an event; its events are stored, as outliers where they were not. undefined: it has no create event, so it is none. Throws as `place` does; what came
   * until then is stored.
   */
  async stateBefore(
    server: ServerName,
    room: RoomHere,
    eventId: EventId,
    { signal, maxEvents }: StateLimits,
  ): Promise<StateMap | undefined> {
    const { fetch, graph } = this.#parts
    const ids = await fetch.stateIds(server, room, eventId, signal)
    const missing = await this.#missing([...ids.state, ...ids.authChain])
    const { events, failure } = await this.#fetch(server, room, { eventId, missing }, { signal, maxEvents })
    for (const slice of slicesOf(inOrder(events, 'authEvents'))) await graph.addOutliers(room.roomId, slice)
    // A state that lacks what may be had later is not the state; the next attempt asks for less.
    if (failure !== undefined) throw failure
    return this.#stateOf(room, ids.state)
  }

  async #fetch(
    server: ServerName,
    room: RoomHere,
    { eventId, missing }: { readonly eventId: EventId; readonly missing: ReadonlySet<EventId> },
    { signal, maxEvents }: StateLimits,
  ): Promise<FetchedEvents> {
    if (missing.size > maxEvents) throw new Error('a state of too many new events')
    if (missing.size <= ONE_BY_ONE) return this.#parts.fetch.events(server, room, [...missing], signal)
    const found: CheckedEvent[] = []
    try {
      for await (const batch of this.#parts.fetch.state(server, room, { eventId, wanted: missing }, signal))
        found.push(...batch)
      return { events: found, failure: undefined }
    } catch (error) {
      return { events: found, failure: error instanceof Error ? error : new Error('a state could not be read') }
    }
  }

  async #missing(eventIds: readonly EventId[]): Promise<ReadonlySet<EventId>> {
    const missing = new Set(eventIds)
    for (let from = 0; from < eventIds.length; from += KNOWN_AT_ONCE) {
      const known = await this.#parts.known(eventIds.slice(from, from + KNOWN_AT_ONCE))
      for (const { eventId } of known) missing.delete(eventId)
    }
    return missing
  }

  async #stateOf({ room }: RoomHere, eventIds: readonly EventId[]): Promise<StateMap | undefined> {
    const state = new Map<string, EventId>()
    for (let from = 0; from < eventIds.length; from += KNOWN_AT_ONCE) {
      for (const known of await this.#parts.known(eventIds.slice(from, from + KNOWN_AT_ONCE))) {
        if (known.room !== room || known.placing === 'rejected' || known.stateKey === undefined) continue
        state.set(stateTupleKey(known.type, known.stateKey), known.eventId)
      }
    }
    return state.has(stateTupleKey('m.room.create', '')) ? state : undefined
  }
}

const slicesOf = function* (events: readonly CheckedEvent[]): Generator<readonly CheckedEvent[]> {
  for (let from = 0; from < events.length; from += OUTLIERS_AT_ONCE) yield events.slice(from, from + OUTLIERS_AT_ONCE)
}
