import type { StateMap } from '#rules'
import type { EventId, RoomEvent, RoomId, RoomVersion } from '#spec'
import type { PartialEntrance } from '#store'

/** Passed the checks that need no room: format, size, signatures, and the content hash, else `json` is the redacted form. */
export interface CheckedEvent {
  readonly event: RoomEvent
  /** The signed PDU in canonical JSON. */
  readonly json: string
}

export interface ReceivedEvent extends CheckedEvent {
  /** For an event whose `prev_events` are not all stored: the state before it as another server gave it. All its events are stored. */
  readonly stateBefore?: StateMap
}

/**
 * - `accepted`: stands in the room's history.
 * - `known`: it was stored before, with the verdict of that time.
 * - `soft-failed`, `rejected`: stored, and shown to nobody (server-server API, "Checks performed on receipt of a PDU").
 * - `missing`: not stored. It refers to events that this server has to fetch first, or for `prev_events` to know the state before it.
 */
export type Verdict =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'known' }
  | { readonly kind: 'soft-failed' | 'rejected'; readonly reason: string }
  | { readonly kind: 'missing'; readonly events: readonly EventId[] }

export interface ReceiveOptions {
  /** Asked for events that the room's rules allow: the JSON to store, with a signature that they needed (policy servers). undefined: they are to be soft-failed. */
  signed?(event: CheckedEvent): Promise<string | undefined>
}

/** The event by which this server comes into a room, and what it has to know of the room. */
export interface RoomEntry {
  readonly roomId: RoomId
  readonly version: RoomVersion
  /**
   * Events to store first: states and their auth chains, auth events before those that cite them. `enter` takes them out of the list
   * as they are stored: a large room is not to stay in memory until all of it is.
   */
  readonly events: CheckedEvent[]
  /** The state before `by`; its events are stored or in `events`. */
  readonly state: StateMap
  readonly by: CheckedEvent
  /** The state lacks members of other servers, which follow by `complete`. */
  readonly partial?: PartialEntrance
}

/** Rooms whose history branches, as events from other servers make it. */
export interface RoomGraph {
  /**
   * Stores events that are known for their content alone, as entries of a state or of an auth chain; auth events stand before those that
   * cite them. Each is judged by its auth events; a refused one is stored as rejected. Stored ones are left as they are. Throws `UnknownRoom`.
   */
  addOutliers(roomId: RoomId, events: readonly CheckedEvent[]): Promise<void>
  /**
   * Takes events into the timeline, earlier ones first, and returns a verdict for each. The current state and the forward extremities
   * follow. Throws `UnknownRoom`.
   */
  receive(roomId: RoomId, events: readonly ReceivedEvent[], options?: ReceiveOptions): Promise<readonly Verdict[]>
  /** Places fetched history, earlier events first: they are no extremities, and change no current state. Throws `UnknownRoom`. */
  addHistory(roomId: RoomId, events: readonly ReceivedEvent[]): Promise<readonly Verdict[]>
  /** Makes the room if this server does not know it, and takes it to the state after `by`: what was known of its state before is replaced. */
  enter(entry: RoomEntry): Promise<void>
  /**
   * Gives a room that was entered without all of its state the whole one before the entrance, whose events are stored. Returns false if the room waits for none, or
   * the state contradicts the one with which it was entered.
   */
  complete(roomId: RoomId, state: StateMap): Promise<boolean>
  /** The state before an event; undefined if it is not known, as for outliers. */
  stateBefore(roomId: RoomId, eventId: EventId): Promise<StateMap | undefined>
  stateAfter(roomId: RoomId, eventId: EventId): Promise<StateMap | undefined>
}
