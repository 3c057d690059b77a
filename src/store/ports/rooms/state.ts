import type { EventId, Membership, UserId } from '#spec'
import type { EventNumber, RoomNumber, StoredEvent } from './events.ts'

export interface StateQuery {
  /** The state in force right after the event at that position; `'current'` for now. */
  readonly at: number | 'current'
  readonly types?: readonly string[]
  readonly notTypes?: readonly string[]
  /** Only together with `types`. */
  readonly stateKeys?: readonly string[]
}

/**
 * Names a stored state of a room: the log right after the position `at`, or with `branch` a state of a branch, which differs from that log in
 * some entries.
 */
export interface StateHandle {
  readonly at: number
  readonly branch?: number
}

/**
 * A state by reference: the one that the handle names, except for the entries in `differs`. `event` is null if that one has an entry and
 * this state has none.
 */
export interface StateRef extends StateHandle {
  readonly differs: readonly { readonly type: string; readonly stateKey: string; readonly event: EventId | null }[]
}

/** The value that one entry of a room's state had right before an event. */
export interface PriorEntry {
  /** Number of the entry's event; undefined if there was none. */
  readonly entry: EventNumber | undefined
  /** For `m.room.member`. */
  readonly membership: Membership | undefined
}

/** A membership, and the position from which it was in force. */
export interface MembershipStep {
  readonly membership: Membership
  readonly position: number
}

/** A user's last stay in a room: the positions of their last join, and of the membership that ended it. */
export interface LastStay {
  readonly joined: number
  readonly ended: number | undefined
}

/** One entry of a room's state from a position on; the event is undefined if the entry was taken away. */
export interface StateStep {
  readonly position: number
  readonly event: StoredEvent | undefined
}

/** Names an entry of a room's state. Pages of entries go on after one. */
export interface StateEntryName {
  readonly type: string
  readonly stateKey: string
}

/** A page of the entries that are in force now, by type and state key. */
export interface StateInForceQuery {
  readonly after: StateEntryName
  /** Only types before this one; undefined: all. */
  readonly beforeType: string | undefined
  readonly limit: number
}

/** One change of an entry: at which position it came into force, or went out of it. */
export interface PlacedChange extends StateEntryName {
  readonly position: number
}

export interface PlacedEvent {
  readonly change: PlacedChange
  readonly event: StoredEvent
}

/** The `position` of a state event is that of the event itself, which state resolution may have brought back much later. */
export interface RoomStateReader {
  state(room: RoomNumber, query: StateQuery): Promise<readonly StoredEvent[]>
  stateEvent(room: RoomNumber, at: number | 'current', type: string, stateKey: string): Promise<StoredEvent | undefined>
  /** With `stateReplaced`, the whole state at a position: for states that may be large. Empty after the last page. */
  stateInForce(room: RoomNumber, query: StateInForceQuery): Promise<readonly PlacedEvent[]>
  /** A page of the entries that were in force right after `at` and are not now, in the order in which they went. */
  stateReplaced(room: RoomNumber, at: number, after: PlacedChange, limit: number): Promise<readonly PlacedEvent[]>
  /** A page of what `stateChanges` returns, in the order in which it came into force. */
  stateChangesPage(room: RoomNumber, after: PlacedChange, upTo: number, limit: number): Promise<readonly PlacedEvent[]>
  /** Entries that resolution took away with `after` < position <= `upTo`, and that are not there at `upTo`. */
  stateRemoved(room: RoomNumber, after: number, upTo: number): Promise<readonly StateEntryName[]>
  /** State entries that came into force with `after` < position <= `upTo` and are in force at `upTo`. */
  stateChanges(room: RoomNumber, after: number, upTo: number): Promise<readonly StoredEvent[]>
  /** The first `limit` values that one entry ever had, oldest first. */
  stateHistory(room: RoomNumber, type: string, stateKey: string, limit: number): Promise<readonly StateStep[]>
  /** The value of one entry right before each of these events in the event's room, by the events' numbers; events that are not stored are left out. */
  entryBefore(
    type: string,
    stateKey: string,
    events: readonly EventNumber[],
  ): Promise<ReadonlyMap<EventNumber, PriorEntry>>
  /** The stored JSON of events, by number; unknown ones are left out. */
  jsonOf(events: readonly EventNumber[]): Promise<ReadonlyMap<EventNumber, string>>
  /** The last stay that began at or before `upTo`; undefined for a user who had not joined then. */
  lastStay(room: RoomNumber, user: UserId, upTo?: number): Promise<LastStay | undefined>
  /** The membership in force at that position, and its own; undefined where the user had none yet. */
  membershipAt(room: RoomNumber, user: UserId, at: number): Promise<MembershipStep | undefined>
  /** The state before an event, by reference; undefined if unknown (outliers). */
  priorState(eventId: EventId): Promise<StateRef | undefined>
  /** Each membership that the user got in the room at `after` < position <= `upTo`, oldest first. */
  membershipsBetween(room: RoomNumber, user: UserId, after: number, upTo: number): Promise<readonly MembershipStep[]>
  /** Position of the join with which the user's stay at that position began: later member events only changed their profile. */
  stayBegan(room: RoomNumber, user: UserId, at: number): Promise<number | undefined>
  /** The number of members who joined with `after` < position <= `upTo`, less the number of those who left. */
  joinsBetween(room: RoomNumber, after: number, upTo: number): Promise<number>
}
