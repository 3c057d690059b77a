import type { EventId, RoomId, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'
import type { NewStoredEvent } from '../rooms/room-change.ts'

/** An event that is to be sent later (MSC4140). */
export interface NewDelayedEvent {
  /** A secret. */
  readonly delayId: string
  readonly user: UserNumber
  readonly device: number
  /** The kind of the request with its transaction id, unique for the device; undefined where it has none. */
  readonly transactionKey: string | undefined
  readonly roomId: RoomId
  readonly type: string
  readonly stateKey: string | undefined
  readonly contentJson: string
  readonly stickyMs: number | undefined
  readonly delayMs: number
  readonly scheduledAtMs: number
  /** Position of the stream of events when it was scheduled. */
  readonly afterPosition: number
  readonly sizeBytes: number
}

/** `sent`: with the id of its event. `failed`: with the body of the error. */
export type DelayOutcome =
  | { readonly kind: 'sent'; readonly eventId: EventId }
  | { readonly kind: 'failed'; readonly errorJson: string }
  | { readonly kind: 'cancelled' }

export interface DelayedEvent extends NewDelayedEvent {
  readonly userId: UserId
  /** undefined while it is scheduled. */
  readonly finalised: { readonly atMs: number; readonly outcome: DelayOutcome } | undefined
}

export const dueAtMs = ({ scheduledAtMs, delayMs }: Pick<DelayedEvent, 'scheduledAtMs' | 'delayMs'>): number =>
  scheduledAtMs + delayMs

export interface DelayedEventsReader {
  delayedEvent(delayId: string): Promise<DelayedEvent | undefined>
  /** The scheduled ones of a user, by the time at which they are due. */
  scheduledOf(user: UserNumber): Promise<readonly DelayedEvent[]>
  /** The events that are due at that time, in the order of their times. */
  due(nowMs: number, limit: number): Promise<readonly DelayedEvent[]>
  /** The time at which the next one is due. */
  nextDueMs(): Promise<number | undefined>
  /** Rooms for which state is scheduled, at most so many. */
  roomsWithState(limit: number): Promise<readonly RoomId[]>
  /** Whether state of that entry is scheduled by users other than this one. */
  isScheduledByOthers(entry: DelayedEntry): Promise<boolean>
}

/** An entry of a room's state, as a user set it at a position. */
export interface DelayedEntry {
  readonly roomId: RoomId
  readonly type: string
  readonly stateKey: string
  readonly sender: UserId
  readonly position: number
}

export interface DelayLimits {
  /** Of one user, at a time. */
  readonly scheduled: number
  readonly scheduledBytes: number
}

/** `full`: there is no room for another one before that time. */
export type DelayAdded =
  | { readonly kind: 'added'; readonly delayId: string; readonly dueAtMs: number }
  | { readonly kind: 'full'; readonly nextDueMs: number | undefined }

/** The state of a delayed event after an attempt to change it. `unknown`: there is none. */
export type DelayAnswer =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'scheduled'; readonly dueAtMs: number }
  | { readonly kind: 'sent' | 'cancelled' | 'failed' }

export interface DelayedEventsWriter {
  /** A repeated transaction gets the id of the first. */
  add(event: NewDelayedEvent, limits: DelayLimits): Change<DelayAdded>
  /** Counts its delay from now on. `ofUser`: those of others are unknown. */
  restart(delayId: string, nowMs: number, ofUser: UserNumber | undefined): Change<DelayAnswer>
  cancel(delayId: string, nowMs: number, ofUser: UserNumber | undefined): Change<DelayAnswer>
  /** Notes how it ended, if it is still scheduled. */
  finalise(delayId: string, nowMs: number, outcome: DelayOutcome): Change<DelayAnswer>
  /** Cancels state that others than the sender scheduled before it was set. */
  cancelOverwritten(entry: DelayedEntry, nowMs: number): Change<void>
  removeUser(user: UserNumber): Change<void>
  /** Forgets some that were finalised before that time. Returns how many. */
  forget(beforeMs: number, limit: number): Change<number>
}

/** The number of no device: that of the transaction by which a delayed event is sent. */
const NO_DEVICE = 0
const SCOPE = 'delay'

/**
 * The transaction of an event that was delayed. Storing an event with it finalises the delayed event in the same commit, and conflicts with
 * `delay-finalised` if it is not scheduled any more: so it is sent once, or not at all.
 */
export const delayTransaction = (delayId: string): NonNullable<NewStoredEvent['transaction']> => ({
  device: NO_DEVICE,
  scope: SCOPE,
  id: delayId,
})

/** The id that the event had while it was delayed. */
export const delayIdOf = (transaction: { readonly device: number; readonly id: string } | undefined) =>
  transaction?.device === NO_DEVICE ? transaction.id : undefined
