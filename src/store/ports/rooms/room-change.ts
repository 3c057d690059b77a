import type { EventId, Membership, RoomId, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { EventPlacing, RoomNumber } from './events.ts'
import type { StateRef } from './state.ts'

export interface Extremity {
  readonly eventId: EventId
  readonly depth: number
}

/**
 * The room as a change was computed from it. `head` names the forward extremities, and with them all that lies before: a change that was
 * built on another one which never came about cannot pass. `sequence` counts the changes that no head shows: those without a new event in
 * the timeline.
 */
export interface RoomBase {
  readonly sequence: number
  readonly head: string
}

/** The name of these forward extremities, in whichever order they come. */
export const headOf = (extremities: readonly Pick<Extremity, 'eventId'>[]): string =>
  extremities.length === 1
    ? (extremities[0] as Extremity).eventId
    : extremities
        .map(({ eventId }) => eventId)
        .sort()
        .join(' ')

export interface NewStoredEvent {
  readonly eventId: EventId
  readonly type: string
  readonly stateKey: string | undefined
  readonly sender: UserId
  readonly originServerTs: number
  readonly depth: number
  readonly json: string
  readonly placing: EventPlacing
  /** The state before it; left out where that is the room's log right before it, as in a history without branches, and where it is not known. */
  readonly prior?: StateRef
  readonly prevEvents: readonly EventId[]
  readonly authEvents: readonly EventId[]
  /** `scope` is the path's part that tells kinds of requests apart; unique with device and id. */
  readonly transaction?: { readonly device: number; readonly scope: string; readonly id: string }
}

/** One entry of the room's state from the event `by` on, which stands in the same change's timeline. */
export interface StateChange {
  readonly type: string
  readonly stateKey: string
  /** The entry: the event `by` itself, an older one that resolution brings back, or null where it takes the entry away. */
  readonly event: EventId | null
  readonly by: EventId
  /** For `m.room.member`. */
  readonly membership?: Membership
}

/** All that one turn of a room changes, committed as a whole or not at all. */
export interface RoomChange {
  readonly room: RoomNumber
  /** Compare-and-set: `WriteConflict('room-changed')` where the room has moved on. */
  readonly base: RoomBase
  /** In order; those of the timeline get consecutive positions. */
  readonly events: readonly NewStoredEvent[]
  /** In order. */
  readonly state: readonly StateChange[]
  /** All forward extremities after the change. */
  readonly extremities: readonly Extremity[]
  /** Backward extremities: events that these refer to and that are not here yet. Given at all, those of the change are missing no longer. */
  readonly missing?: readonly EventId[]
  /** Stored events that lose their content for good. */
  readonly redactions: readonly { readonly target: EventId; readonly json: string; readonly redactedBy: EventId }[]
}

/** What a change makes of the base it was computed from: both ends of a commit must agree on it. */
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
  /** Points to the room from its first moment. */
  readonly alias?: { readonly alias: string; readonly creator: UserId }
  readonly change: Omit<RoomChange, 'room' | 'base'>
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
   * Conflicts: `room-changed`, `transaction-used` (same device, scope and id), `event-exists`, `dangling-reference` (an event would refer to
   * one that is neither stored, nor in the change, nor said to be missing). Announces `events` to the room, and to users whose
   * membership changed.
   */
  apply(change: RoomChange): Change<AppliedRoomChange>
  /** Marks that a user who left wants the room out of sight; ends with the next membership change. Announces `events` to the user. */
  forget(room: RoomNumber, user: UserId): Change<void>
  setPublished(room: RoomNumber, published: boolean): Change<void>
  /** Conflict: `alias-exists`. */
  addAlias(alias: string, room: RoomNumber, creator: UserId): Change<void>
  removeAlias(alias: string): Change<void>
}
