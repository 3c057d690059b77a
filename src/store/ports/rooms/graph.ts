import type { EventId, ServerName, StateTuple, UserId } from '#spec'
import type { EventNumber, EventPlacing, RoomNumber } from './events.ts'
import type { StateHandle } from './state.ts'

/** An event as the graph of its room needs it. */
export interface GraphEvent {
  readonly event: EventNumber
  readonly eventId: EventId
  readonly room: RoomNumber
  readonly placing: EventPlacing
  /** undefined for events outside the stream. */
  readonly position: number | undefined
  readonly depth: number
  readonly type: string
  readonly stateKey: string | undefined
  /** The state before it; undefined if unknown (outliers). */
  readonly before: StateHandle | undefined
  /** Whether the state before it is the log right before its position, and the state after it the log right after. */
  readonly isPlain: boolean
}

/** An event's stored PDU. */
export interface EventText {
  readonly eventId: EventId
  readonly room: RoomNumber
  readonly placing: EventPlacing
  readonly json: string
}

/** One entry that is not the same in all of some states: its value in each; undefined where a state has none. */
export interface DifferingEntry extends StateTuple {
  readonly values: readonly (EventId | undefined)[]
}

export interface StateValue extends StateTuple {
  readonly eventId: EventId
}

/** A change of a room's current state that no accepted event made: state resolution brought the entry to another value. */
export interface ResolvedChange extends StateTuple {
  readonly room: RoomNumber
  /** Position of the event at which it happened. */
  readonly position: number
  readonly before: EventId | undefined
  readonly after: EventId | undefined
}

/** A backward extremity: an event that the room's history refers to and that is not in it. */
export interface MissingEvent {
  readonly eventId: EventId
  /** The greatest depth at which an event refers to it. */
  readonly depth: number
  /** The last position of the stream that came before the events that refer to it. */
  readonly historyAt: number
}

/** Questions about a room's history as a graph, and about the states in it. */
export interface RoomGraphReader {
  /** Unknown events are left out. */
  graphEvents(eventIds: readonly EventId[]): Promise<readonly GraphEvent[]>
  /** Unknown events are left out. To be asked about some hundred at once: each may have 64 KiB. */
  eventTexts(eventIds: readonly EventId[]): Promise<readonly EventText[]>
  /** The events' whole auth chains, without the events unless they stand in each other's chain; what is not stored is left out. In no order. */
  authChain(eventIds: readonly EventId[]): Promise<readonly EventId[]>
  /** Some entries of a state; those that it does not have are left out. */
  stateValues(room: RoomNumber, state: StateHandle, entries: readonly StateTuple[]): Promise<readonly StateValue[]>
  /** The position at which the log of the room's state last changed at or before each of these; those before all changes are left out. */
  lastChanges(room: RoomNumber, positions: readonly number[]): Promise<ReadonlyMap<number, number>>
  /** All entries of a state, some at a time. */
  wholeState(room: RoomNumber, state: StateHandle): AsyncIterable<readonly StateValue[]>
  /** The entries in which these states differ: costs what lies between them, not what they hold. */
  differingEntries(room: RoomNumber, states: readonly StateHandle[]): Promise<readonly DifferingEntry[]>
  /** The depth of each backward extremity, deepest first. */
  backwardExtremities(room: RoomNumber, limit: number): Promise<readonly MissingEvent[]>
  /** Those of the events that are backward extremities. */
  missingAmong(room: RoomNumber, eventIds: readonly EventId[]): Promise<readonly MissingEvent[]>
  /** Rejected events that may be allowed now that these events are there or are allowed. */
  rejectedFor(room: RoomNumber, eventIds: readonly EventId[]): Promise<readonly EventId[]>
  /** Redactions that came before these events. */
  waitingRedactions(
    room: RoomNumber,
    targets: readonly EventId[],
  ): Promise<readonly { target: EventId; redaction: EventId }[]>
  /** The first members of that server who are joined. Runs off the event loop. */
  joinedOfServer(room: RoomNumber, server: ServerName, limit: number): Promise<readonly UserId[]>
  /** The reason for which an event was rejected or soft-failed. */
  refusalOf(eventId: EventId): Promise<string | undefined>
  /** Newest first. */
  resolvedChanges(room: RoomNumber, limit: number): Promise<readonly ResolvedChange[]>
}
