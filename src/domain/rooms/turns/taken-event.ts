import type { EventId, Membership, RoomEvent, StateTuple } from '#spec'
import {
  type EventNumber,
  type EventPlacing,
  type Extremity,
  type NewStoredEvent,
  newRelation,
  type Refusal,
  type StateRef,
} from '#store'
import type { StateEntry } from './live-room.ts'

/** An event of another server, or one that was refused, with what the room becomes by it. */
export interface TakenEvent {
  readonly event: RoomEvent
  readonly json: string
  readonly placing: EventPlacing
  /** Its place in the order of the room's history, which is not always what it says itself. */
  readonly depth: number
  /** undefined: the log right before it. */
  readonly prior?: StateRef | undefined
  readonly known?: EventNumber | undefined
  /** For fetched history: the last position of the stream that came before its successors did. */
  readonly historyAt?: number | undefined
  readonly refusal?: Refusal | undefined
  /** Changes of the current state; null: the entry goes away. */
  readonly state: readonly (StateTuple & { readonly entry: StateEntry | null })[]
  /** All forward extremities after it. */
  readonly extremities: readonly Extremity[]
  /** Backward extremities that it adds; undefined if it adds none and was none. */
  readonly missing?: readonly EventId[] | undefined
}

/** The members of a stored event that are the event's own. */
export const storedForm = (event: RoomEvent, json: string): Omit<NewStoredEvent, 'placing'> => {
  const { eventId, type, stateKey, sender, originServerTs, depth, prevEvents, authEvents } = event
  const relation = newRelation(event)
  return { eventId, type, stateKey, sender, originServerTs, depth, json, prevEvents, authEvents, relation }
}

/** The membership that an entry gives, if it is one. */
export const membershipIn = (entry: StateEntry | null): { readonly membership?: Membership } =>
  entry === null ? {} : { membership: entry.event.content.membership as Membership }
