import { type CacheStats, LatestValues, type Soon } from '#base'
import type { EventId } from '#spec'
import { MAIN_TIMELINE, type RoomNumber, type ThreadSubscriptionsReader } from '#store'
import type { News, NewsHandler } from '#streams'

/** The threads of one room that a user subscribed to (MSC4306). */
export interface RoomThreads {
  readonly roots: ReadonlySet<EventId>
  /** Position of the newest change in the room, in the stream `threadSubscriptions`; 0: none. */
  readonly position: number
}

type ByRoom = ReadonlyMap<RoomNumber, RoomThreads>

export const NO_THREADS: RoomThreads = { roots: new Set(), position: 0 }

/** Whether the user subscribed to the thread; undefined for the main timeline, which is none. */
export const isSubscribedTo = (roots: ReadonlySet<string>, thread: string): boolean | undefined =>
  thread === MAIN_TIMELINE ? undefined : roots.has(thread)

const USER_BYTES = 400
const ROOM_BYTES = 450
const ROOT_BYTES = 150

const bytesOf = (rooms: ByRoom): number => {
  let bytes = USER_BYTES
  for (const { roots } of rooms.values()) bytes += ROOM_BYTES + roots.size * ROOT_BYTES
  return bytes
}

export interface SubscribedThreadsParts {
  readonly reader: Pick<ThreadSubscriptionsReader, 'all'>
  readonly limitBytes: number
}

/** The threads that users subscribed to, for push rules that ask; kept until a subscription changes. */
export class SubscribedThreads implements NewsHandler {
  readonly #reader: SubscribedThreadsParts['reader']
  readonly #kept: LatestValues<number, ByRoom>

  constructor({ reader, limitBytes }: SubscribedThreadsParts) {
    this.#reader = reader
    this.#kept = new LatestValues({ name: 'subscribed-threads', limitBytes, sizeBytes: bytesOf })
  }

  stats(): CacheStats {
    return this.#kept.stats()
  }

  missed(): void {
    this.#kept.clear()
  }

  news(news: readonly News[]): void {
    for (const { stream, users } of news) {
      if (stream === 'threadSubscriptions') for (const user of users) this.#kept.forget(user)
    }
  }

  /** undefined where they are not at hand. */
  now(user: number, room: RoomNumber): RoomThreads | undefined {
    const rooms = this.#kept.now(user)
    return rooms === undefined ? undefined : (rooms.get(room) ?? NO_THREADS)
  }

  of(user: number, room: RoomNumber): Soon<RoomThreads> {
    const rooms = this.#kept.soon(user, () => this.#load(user))
    return rooms instanceof Promise
      ? rooms.then((read) => read.get(room) ?? NO_THREADS)
      : (rooms.get(room) ?? NO_THREADS)
  }

  /** Rooms in which subscriptions changed after that position, and the position of the user's newest change. */
  async changed(
    user: number,
    after: number,
  ): Promise<{ readonly rooms: readonly RoomNumber[]; readonly upTo: number }> {
    const all = [...(await this.#kept.soon(user, () => this.#load(user)))]
    return {
      rooms: all.filter(([, { position }]) => position > after).map(([room]) => room),
      upTo: Math.max(0, ...all.map(([, { position }]) => position)),
    }
  }

  async #load(user: number): Promise<ByRoom> {
    const rooms = new Map<RoomNumber, { readonly roots: Set<EventId>; position: number }>()
    for (const { room, root, isSubscribed, position } of await this.#reader.all(user)) {
      const threads = rooms.get(room) ?? { roots: new Set(), position: 0 }
      rooms.set(room, threads)
      threads.position = Math.max(threads.position, position)
      if (isSubscribed) threads.roots.add(root)
    }
    return rooms
  }
}
