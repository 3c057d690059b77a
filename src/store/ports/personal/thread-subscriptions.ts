import type { EventId, RoomId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { EventNumber, RoomNumber, UserNumber } from '../rooms/events.ts'

/** `none`: the user unsubscribed. A thread that the user never subscribed to has no subscription at all. */
export type ThreadSubscriptionState = 'automatic' | 'manual' | 'none'

export interface ThreadOfUser {
  readonly user: UserNumber
  readonly room: RoomNumber
  readonly root: EventId
}

/** The newest state of one subscription. */
export interface ThreadSubscriptionChange {
  readonly roomId: RoomId
  readonly root: EventId
  readonly state: ThreadSubscriptionState
  /** In the stream `threadSubscriptions`. */
  readonly position: number
}

/** One subscription, current or ended. */
export interface SubscriptionOfUser {
  readonly room: RoomNumber
  readonly root: EventId
  readonly isSubscribed: boolean
  /** In the stream `threadSubscriptions`. */
  readonly position: number
}

export interface ThreadSubscriptionsReader {
  /** All of a user, ended ones included. */
  all(user: UserNumber): Promise<readonly SubscriptionOfUser[]>
  subscription(thread: ThreadOfUser): Promise<ThreadSubscriptionState | undefined>
  /** The subscriptions that changed with `after` < position <= `upTo`, newest first, at most `limit`; each once. */
  changes(
    user: UserNumber,
    window: { readonly after: number; readonly upTo: number; readonly limit: number },
  ): Promise<readonly ThreadSubscriptionChange[]>
}

/** `outdated`: the user unsubscribed when the event that is the cause was there already. `full`: the user has as many as they may have. */
export type SubscribeOutcome = 'subscribed' | 'outdated' | 'full'

export interface ThreadSubscriptionsWriter {
  /**
   * Subscribes, to `most` threads at most, ended subscriptions included; by a `cause` automatically, which changes no subscription that is there. Announces `threadSubscriptions` to the user if anything
   * changed.
   */
  subscribe(thread: ThreadOfUser, cause: EventNumber | undefined, most: number): Change<SubscribeOutcome>
  /** Ends a subscription; there may be none. Announced likewise. */
  unsubscribe(thread: ThreadOfUser): Change<void>
  /** Removes all subscriptions of an account that ends. */
  removeUser(user: UserNumber): Change<void>
  /** Removes all subscriptions in a room that is gone. */
  removeRoom(room: RoomNumber): Change<void>
}
