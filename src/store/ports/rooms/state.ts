import type { EventId, Membership, UserId } from '#spec'
import type { RoomNumber, StoredEvent } from './events.ts'

export interface StateQuery {
  /** The state in force right after the event at that position; `'current'` for now. */
  readonly at: number | 'current'
  readonly types?: readonly string[]
  readonly notTypes?: readonly string[]
  /** Only together with exactly one entry in `types`. */
  readonly stateKeys?: readonly string[]
}

/**
 * A state by reference: the room's log right after the position `at`, except for the entries in `differs`. `event` is null if the log has an
 * entry and this state has none.
 */
export interface StateRef {
  readonly at: number
  readonly differs: readonly { readonly type: string; readonly stateKey: string; readonly event: EventId | null }[]
}

/** One entry of a room's state from a position on; the event is undefined if the entry was taken away. */
export interface StateStep {
  readonly position: number
  readonly event: StoredEvent | undefined
}

/** The `position` of a state event is that of the event itself, which state resolution may have brought back much later. */
export interface RoomStateReader {
  state(room: RoomNumber, query: StateQuery): Promise<readonly StoredEvent[]>
  stateEvent(room: RoomNumber, at: number | 'current', type: string, stateKey: string): Promise<StoredEvent | undefined>
  /** State entries that came into force with `after` < position <= `upTo` and are in force at `upTo`. */
  stateChanges(room: RoomNumber, after: number, upTo: number): Promise<readonly StoredEvent[]>
  /** All values that one entry ever had, oldest first. */
  stateHistory(room: RoomNumber, type: string, stateKey: string): Promise<readonly StateStep[]>
  /** The state before an event, by reference; undefined if unknown (outliers). */
  priorState(eventId: EventId): Promise<StateRef | undefined>
  /** Each membership the user ever had in the room, oldest first. */
  membershipHistory(
    room: RoomNumber,
    user: UserId,
  ): Promise<readonly { readonly membership: Membership; readonly position: number }[]>
}
