import type { EventId, Membership, RoomId, ServerName, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { EventNumber, EventPlacing, RoomNumber } from './events.ts'
import type { StateRef } from './state.ts'

export interface Extremity {
  readonly eventId: EventId
  readonly depth: number
}

/**
 * The version of the room that a change was computed from. `head` names the forward extremities, and so everything before them: a change that was
 * built on one that failed cannot pass. `sequence` counts the changes that leave the head as it is: those without a new event in
 * the timeline.
 */
export interface RoomBase {
  readonly sequence: number
  readonly head: string
}

/** The name of these forward extremities, whatever their order. */
export const headOf = (extremities: readonly Pick<Extremity, 'eventId'>[]): string =>
  extremities.length === 1
    ? (extremities[0] as Extremity).eventId
    : extremities
        .map(({ eventId }) => eventId)
        .sort()
        .join(' ')

/** How an event relates to another one of its room (`new-relation.ts`). */
export interface NewRelation {
  readonly target: EventId
  readonly relType: string
  /** Whether it is a replacement that is valid as far as it can tell by itself. */
  readonly edits: boolean
  /** Stands for the type and key of an annotation. */
  readonly annotation?: number
}

export interface NewStoredEvent {
  readonly eventId: EventId
  readonly type: string
  readonly stateKey: string | undefined
  readonly sender: UserId
  readonly originServerTs: number
  readonly depth: number
  readonly json: string
  readonly placing: EventPlacing
  /** The state before the event; left out if it is the room's log right before it (as in a history without branches) or unknown. */
  readonly prior?: StateRef
  readonly prevEvents: readonly EventId[]
  readonly authEvents: readonly EventId[]
  /** `scope` is the part of the path that tells kinds of requests apart; device, scope and id are unique together. */
  readonly transaction?: { readonly device: number; readonly scope: string; readonly id: string }
  /** The time up to which every member is told of the event; left out for one that is not sticky. */
  readonly stickyUntilMs?: number
  readonly relation?: NewRelation | undefined
  /** The number under which the event is stored already, outside of the stream: it changes its placing. */
  readonly known?: EventNumber
  /** For fetched history: the last position of the stream that came before the event's successors did. */
  readonly historyAt?: number
  /** For refused events. */
  readonly refusal?: Refusal
}

/** The reason why an event was rejected or soft-failed. */
export interface Refusal {
  readonly reason: string
  /** Events without which it was rejected: it is judged anew when one of them comes. */
  readonly lacking: readonly EventId[]
}

/** A new value of one entry of the room's state, from the event `by` on, which is in the timeline of the same change. */
export interface StateChange {
  readonly type: string
  readonly stateKey: string
  /** The entry's new event: `by` itself, an older one that state resolution brings back, or null if the entry goes away. */
  readonly event: EventId | null
  readonly by: EventId
  /** For `m.room.member`. */
  readonly membership?: Membership
}

/** The size of a room's current state, as its writer counts it. */
export interface StateSize {
  readonly bytes: number
  readonly entries: number
}

/** A room as the directory shows it, and as it is found there. */
export interface RoomListing {
  /** A JSON object, to which the number of members is added. */
  readonly shownJson: string
  readonly searchable: string
  /** Empty for rooms without a type. */
  readonly roomType: string
}

/** Everything that one turn changes in a room, committed as a whole or not at all. */
export interface RoomChange {
  readonly room: RoomNumber
  /** Compared with the stored room: `WriteConflict('room-changed')` if the room has moved on. */
  readonly base: RoomBase
  /** In order; events of the timeline get consecutive positions. */
  readonly events: readonly NewStoredEvent[]
  /** In order. */
  readonly state: readonly StateChange[]
  /** All forward extremities after the change. */
  readonly extremities: readonly Extremity[]
  /** Backward extremities: events that these refer to and that are not in the room's history yet. If given, events of the change are taken off the room's list. */
  readonly missing?: readonly EventId[]
  /** Redactions of this change whose target is not known yet. */
  readonly waiting?: readonly { readonly target: EventId; readonly redaction: EventId }[]
  /** Stored events that lose their content for good. */
  readonly redactions: readonly { readonly target: EventId; readonly json: string; readonly redactedBy: EventId }[]
  /** The size of the current state after the change; left out: as before. */
  readonly stateSize?: StateSize
  /** Whether the server's directory lists the room from now on; left out: as before. */
  readonly published?: boolean
  /** How the directory shows the room from now on. Kept for rooms that are or were published. */
  readonly listing?: RoomListing
}

/** The room's base after a change. The turn and the write both compute it with this function. */
export const baseAfter = (
  { sequence }: RoomBase,
  { events, extremities }: Pick<RoomChange, 'events' | 'extremities'>,
): RoomBase => ({
  sequence: events.some(({ placing }) => placing === 'timeline') ? sequence : sequence + 1,
  head: headOf(extremities),
})

export interface NewRoom {
  readonly roomId: RoomId
  readonly version: string
  readonly published: boolean
  /** An alias that is made in the same commit. */
  readonly alias?: { readonly alias: string; readonly creator: UserId }
  readonly change: Omit<RoomChange, 'room' | 'base'>
}

/** Entries of a state; their events are stored. */
export interface GatheredState {
  readonly room: RoomNumber
  readonly isFirst: boolean
  readonly entries: readonly {
    readonly type: string
    readonly stateKey: string
    readonly event: EventId
    /** For `m.room.member`. */
    readonly membership?: Membership
  }[]
}

/** The event by which this server comes into a room. */
export interface RoomEntrance {
  readonly room: RoomNumber
  readonly by: NewStoredEvent
  readonly membership: Membership
  /** Events before it that are not in the room's history. */
  readonly missing: readonly EventId[]
  /** The gathered state lacks members of other servers. */
  readonly partial?: PartialEntrance
}

/** The servers that stand for members who are still to be fetched. */
export interface PartialEntrance {
  /** The server that took this one in. */
  readonly from: ServerName
  /** Servers that it said are in the room, without this one: each counts as if one more of its users was joined, until all members are there. */
  readonly servers: readonly ServerName[]
}

export interface AppliedRoomChange {
  readonly room: RoomNumber
  readonly base: RoomBase
  /** Position of each event of the timeline, in their order. */
  readonly positions: readonly number[]
}

export interface RoomsWriter {
  /** Conflicts: `room-exists`, `alias-exists`, `transaction-used`, `event-exists`. */
  create(room: NewRoom): Change<AppliedRoomChange>
  /**
   * Conflicts: `room-changed`, `transaction-used` (same device, scope and id), `event-exists`, `dangling-reference` (an event refers to
   * one that is neither stored, nor earlier in the change, nor in `missing`). Announces `events` to the room, and to users whose
   * membership changed.
   */
  apply(change: RoomChange): Change<AppliedRoomChange>
  /** Makes the room known without anything in it, if it is not. */
  know(room: { readonly roomId: RoomId; readonly version: string }): Change<{ readonly room: RoomNumber }>
  /** Stores events outside of the room's history; the base stays as it is. Conflict: `event-exists`. */
  addOutliers(room: RoomNumber, events: readonly NewStoredEvent[]): Change<void>
  /** Judges stored outliers anew: those that were rejected and are allowed now. */
  allowOutliers(room: RoomNumber, eventIds: readonly EventId[]): Change<void>
  /** Gathers the state with which the server comes into a room; `isFirst`: forgets what an earlier try left. */
  gatherState(piece: GatheredState): Change<void>
  /** Comes into the room: its current state becomes the gathered one, and then `by` is its only extremity. Announces `events`. */
  enter(entrance: RoomEntrance): Change<AppliedRoomChange>
  /**
   * Adds to the current state those gathered entries that the room never had. The states before the events since the server came in follow, as if these entries had been
   * in force from the beginning. Announces `events` to the room and to all of its members. Conflict: `room-changed`, if the room does not wait for its members.
   */
  complete(room: RoomNumber): Change<void>
  /** Says when the members of the room are to be asked for again. */
  completeLater(later: { readonly room: RoomNumber; readonly failures: number; readonly dueMs: number }): Change<void>
  /** Ends the asking, as this server is not in the room any more; what lacks stays lacking. */
  completeNever(room: RoomNumber): Change<void>
  /** Marks the room as forgotten by a user who left, until their next membership change. Announces `events` to the user. */
  forget(room: RoomNumber, user: UserId): Change<void>
  /** Conflict: `alias-exists`. */
  addAlias(alias: string, room: RoomNumber, creator: UserId): Change<void>
  removeAlias(alias: string): Change<void>
  /** Makes the overviews, as administrators are shown them, of rooms that have none yet. */
  fillOverviews(rooms: readonly RoomNumber[]): Change<void>
}
