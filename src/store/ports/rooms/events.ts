import type { EventId, RoomId, UserId } from '#spec'

/** Internal number of a room: tables have numbers, and text ids only where clients or other servers see them. */
export type RoomNumber = number
/** Internal number of a user, local or not. */
export type UserNumber = number
/**
 * Internal number and identity of an event. Above zero it is also the event's position in the stream of all events; below zero
 * the event is an outlier, fetched history or refused, and is not in that stream.
 */
export type EventNumber = number

/**
 * - `timeline`: new to everybody, in the stream of events and in the room's history.
 * - `history`: fetched for a gap, in the room's history alone.
 * - `outlier`: known for its content, as an entry of a state or of an auth chain; in no history.
 * - `soft-failed`, `rejected`: kept so that it is not asked for again; shown to nobody (server-server API, "Checks performed on receipt of a PDU").
 */
export type EventPlacing = 'timeline' | 'history' | 'outlier' | 'soft-failed' | 'rejected'

/** Whether the event stands in its room's history: outliers and refused events are known to the server alone. */
export const isInHistory = ({ placing }: { readonly placing: EventPlacing }): boolean =>
  placing === 'timeline' || placing === 'history'

/**
 * A place between the events of one room's history: right after the event with that depth and number. Depth comes from other servers and is
 * trusted for order only; the number breaks ties.
 */
export interface HistoryPlace {
  readonly depth: number
  readonly event: EventNumber
}

/** An event as stored. `json` is the signed PDU in canonical JSON, in its stripped form once it was redacted. */
export interface StoredEvent {
  readonly event: EventNumber
  /**
   * Position in the stream of all events. For fetched history: the last one that came before the event's successors did. For any other event
   * outside the stream: the position whose state was in force before it, 0 if unknown.
   */
  readonly position: number
  readonly placing: EventPlacing
  readonly eventId: EventId
  readonly room: RoomNumber
  readonly roomId: RoomId
  readonly type: string
  readonly stateKey: string | undefined
  readonly sender: UserId
  readonly originServerTs: number
  readonly depth: number
  readonly json: string
  /** The redaction event in its stored JSON, if this event was redacted. */
  readonly redactedBy: { readonly eventId: EventId; readonly json: string } | undefined
  /** For state: the entry that this one replaced, with its stored JSON (`prev_content`, `replaces_state`). */
  readonly replaces: { readonly eventId: EventId; readonly json: string; readonly position: number } | undefined
  /** The device that sent it and its transaction id, for `unsigned.transaction_id`. */
  readonly transaction: { readonly device: number; readonly id: string } | undefined
}

export interface TimelineQuery {
  /** Both bounds are exclusive positions of the stream. */
  readonly after?: number
  readonly before?: number
  readonly direction: 'forward' | 'backward'
  readonly limit: number
}

export interface HistoryQuery {
  /** Events after the place `after`, up to and including the place `upTo`. */
  readonly after?: HistoryPlace | undefined
  readonly upTo?: HistoryPlace | undefined
  readonly direction: 'forward' | 'backward'
  readonly limit: number
}

export interface EventsReader {
  event(eventId: EventId): Promise<StoredEvent | undefined>
  /** Events in the order of the ids; unknown ones are left out. */
  events(eventIds: readonly EventId[]): Promise<readonly StoredEvent[]>
  /** Events of one room in the order of the stream, which is the order of arrival here. */
  timeline(room: RoomNumber, query: TimelineQuery): Promise<readonly StoredEvent[]>
  /** Events of one room in the order of its graph, with fetched history, for `/messages`. */
  history(room: RoomNumber, query: HistoryQuery): Promise<readonly StoredEvent[]>
  /**
   * A position of the stream: the room's events up to it were sent before that time, and those after it at that time or later, by their
   * `origin_server_ts`. Exact where times grow with positions; else it is a position between such events.
   */
  positionAtTime(room: RoomNumber, time: number): Promise<number>
  /** The position at which one entry of the room's state was set next beyond that position. */
  entrySetBeyond(
    room: RoomNumber,
    entry: { readonly type: string; readonly stateKey: string },
    query: { readonly position: number; readonly direction: 'forward' | 'backward' },
  ): Promise<number | undefined>
  /** The place right after the newest of the room's events at or before that position of the stream; undefined before all of them. */
  placeAt(room: RoomNumber, position: number): Promise<HistoryPlace | undefined>
  /** The place right after the deepest of the newest events at or before that position: all that had arrived then stands before it. undefined before all of them. */
  placeBehind(room: RoomNumber, position: number): Promise<HistoryPlace | undefined>
  /**
   * The newest messages and memberships in the room's timeline that the user sent and that are not redacted, newest first; redactions are none of them.
   * Looks at the newest million events of the room at most, and at those after the position `after`, off the event loop.
   */
  unredactedOf(room: RoomNumber, sender: UserId, limit: number, after?: number): Promise<readonly StoredEvent[]>
  /** Events of all rooms with `after` < position <= `upTo`, oldest first. */
  eventsAfter(after: number, upTo: number, limit: number): Promise<readonly StoredEvent[]>
  /**
   * Events before that position in the rooms that the user is joined or invited to now, newest first. Looks at so many events of each room at most,
   * off the event loop.
   */
  inRoomsOf(user: UserNumber, before: number, limit: number): Promise<readonly StoredEvent[]>
  /** Position of the `count`-th newest of the room's events at or before that position; 0 where there are fewer. */
  countedBack(room: RoomNumber, upTo: number, count: number): Promise<number>
  /** The events, among those given, to which one relates that has one of the types and is by one of the senders; undefined: of any type, by anybody. */
  relatedBy(
    eventIds: readonly EventId[],
    by: { readonly relTypes: readonly string[] | undefined; readonly senders: readonly UserId[] | undefined },
  ): Promise<readonly EventId[]>
  /** The event that the device sent with that transaction id. */
  transactionEvent(device: number, scope: string, id: string): Promise<EventId | undefined>
}
