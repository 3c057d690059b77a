import { type EventId, isJsonObject, MatrixError, objectAt, type RoomId, type UserId } from '#spec'
import {
  type Commit,
  type EventsReader,
  type StoredEvent,
  type ThreadOfUser,
  type ThreadSubscriptionsReader,
  type ThreadSubscriptionsWriter,
  threadOf,
} from '#store'

/** A logged-in user on one of their devices. */
export interface ThreadReader {
  readonly user: number
  readonly userId: UserId
  readonly device: number
}

/** The events that a user may see. */
export interface SeenEvents {
  /** Throws `M_NOT_FOUND` for an event that the user may not see, or that is not in the room. */
  event(roomId: RoomId, eventId: EventId, viewer: ThreadReader): Promise<unknown>
}

/** The push rules of a user. */
export interface RulesForThreads {
  /** From now on the rules for threads hold for the user. */
  heedThreads(owner: { readonly user: number; readonly userId: UserId }): Promise<void>
}

/** Threads that one user may have subscribed to, or unsubscribed from. */
const MOST = 10_000

export interface ThreadSubscriptionsParts {
  readonly reader: ThreadSubscriptionsReader
  readonly writer: ThreadSubscriptionsWriter
  readonly events: Pick<EventsReader, 'event'>
  readonly seen: SeenEvents
  readonly pushRules: RulesForThreads
  readonly commit: Commit
}

/**
 * The threads that a user wants to hear of (MSC4306, unstable). All methods throw `M_NOT_FOUND` where the user does not see the event that the
 * thread begins with.
 */
export class ThreadSubscriptions {
  readonly #parts: ThreadSubscriptionsParts

  constructor(parts: ThreadSubscriptionsParts) {
    this.#parts = parts
  }

  /** Whether the subscription is automatic. Throws `M_NOT_FOUND` where there is none. */
  async subscription(reader: ThreadReader, roomId: RoomId, root: EventId): Promise<boolean> {
    const state = await this.#parts.reader.subscription(await this.#thread(reader, roomId, root))
    if (state === undefined || state === 'none') throw new MatrixError('M_NOT_FOUND', 'Not subscribed')
    return state === 'automatic'
  }

  /**
   * `cause`: the event for which a client subscribes by itself. Throws `IO.ELEMENT.MSC4306.M_NOT_IN_THREAD` if it is not in the thread, and
   * `IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION` if it was there when the user unsubscribed; `M_USER_LIMIT_EXCEEDED`.
   */
  async subscribe(reader: ThreadReader, roomId: RoomId, root: EventId, cause: EventId | undefined): Promise<void> {
    const thread = await this.#thread(reader, roomId, root)
    const event = cause === undefined ? undefined : await this.#seen(reader, roomId, cause)
    if (event !== undefined) await this.#mindThread(event, root)
    const [outcome] = await this.#parts.commit([this.#parts.writer.subscribe(thread, event?.event, MOST)])
    if (outcome === 'full')
      throw new MatrixError('M_USER_LIMIT_EXCEEDED', `One account may subscribe to ${MOST} threads`)
    if (outcome === 'outdated')
      throw new MatrixError(
        'IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION',
        'You unsubscribed after that event: it does not subscribe you again',
      )
    // Behind the subscription: in the other order a crash between the two would silence all threads of the room.
    await this.#parts.pushRules.heedThreads({ user: reader.user, userId: reader.userId })
  }

  async unsubscribe(reader: ThreadReader, roomId: RoomId, root: EventId): Promise<void> {
    const thread = await this.#thread(reader, roomId, root)
    await this.#parts.commit([this.#parts.writer.unsubscribe(thread)])
  }

  async #thread(reader: ThreadReader, roomId: RoomId, root: EventId): Promise<ThreadOfUser> {
    const { room } = await this.#seen(reader, roomId, root)
    return { user: reader.user, room, root }
  }

  async #seen(reader: ThreadReader, roomId: RoomId, eventId: EventId): Promise<StoredEvent> {
    await this.#parts.seen.event(roomId, eventId, reader)
    const event = await this.#parts.events.event(eventId)
    if (event === undefined) throw new MatrixError('M_NOT_FOUND', 'No such event')
    return event
  }

  async #mindThread({ room, json }: StoredEvent, root: EventId): Promise<void> {
    const pdu: unknown = JSON.parse(json)
    const content = isJsonObject(pdu) ? objectAt(pdu, 'content') : undefined
    const { thread } = await threadOf({ room, content: content ?? {} }, this.#parts.events)
    if (thread !== root) throw new MatrixError('IO.ELEMENT.MSC4306.M_NOT_IN_THREAD', 'The event is not in that thread')
  }
}
