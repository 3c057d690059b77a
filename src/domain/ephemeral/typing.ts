import type { Clock } from '#base'
import type { RoomId, UserId } from '#spec'
import type { RoomNumber, RoomsReader, UserNumber } from '#store'
import type { Streams } from '#streams'
import { joinedRoom } from './joined-room.ts'
import { RecentChanges } from './recent-changes.ts'

/** Clients renew every 20 to 30 seconds; a client that asks for longer must renew all the same. */
const MAX_TIMEOUT_MS = 120_000
const DEFAULT_TIMEOUT_MS = 30_000
/** Clients show a few names, and each change sends the whole list. Further users are left out until they renew when there is room. */
const MAX_TYPING_IN_ROOM = 200
/** The most rooms remembered in which nobody types any more, so that a client that syncs later hears that the list became empty. */
const REMEMBERED_ROOMS = 20_000

export interface TypingParts {
  readonly clock: Clock
  readonly streams: Pick<Streams, 'announce' | 'onNews'>
  readonly rooms: Pick<RoomsReader, 'roomByRoomId' | 'membership'>
}

interface Typist {
  readonly userId: UserId
  readonly cancelTimeout: () => void
}

/** A read of a user's membership that is under way. */
interface MembershipRead {
  readonly user: UserNumber
  /** Whether the membership may have changed since the read began. */
  isOutdated: boolean
}

/** The users who type in each room (module "Typing Notifications"), in memory only. */
export class Typing {
  readonly #clock: Clock
  readonly #streams: Pick<Streams, 'announce' | 'onNews'>
  readonly #rooms: Pick<RoomsReader, 'roomByRoomId' | 'membership'>
  /** Only rooms in which somebody types, with their typists in the order in which they began. */
  readonly #typists = new Map<RoomNumber, Map<UserNumber, Typist>>()
  readonly #membershipReads = new Set<MembershipRead>()
  readonly #changes = new RecentChanges<RoomNumber>()
  /** Rooms where typing has stopped, in order of that time. */
  readonly #quiet = new Set<RoomNumber>()

  constructor({ clock, streams, rooms }: TypingParts) {
    this.#clock = clock
    this.#streams = streams
    this.#rooms = rooms
    // An event that names users changed their memberships: users who have left stop typing.
    streams.onNews({
      news: (items) => {
        for (const { stream, rooms: where, users } of items) {
          if (stream !== 'events' || users.length === 0) continue
          for (const room of where) for (const user of users) this.stop(room, user)
          for (const read of this.#membershipReads) if (users.includes(read.user)) read.isOutdated = true
        }
      },
      // Any user may have left, so nobody types. Clients whose users go on typing renew it within half a minute.
      missed: () => {
        this.#stopAll()
        for (const read of this.#membershipReads) read.isOutdated = true
      },
    })
  }

  /** Begins, renews or ends typing; a `timeoutMs` of 0 or less ends it. Throws `M_FORBIDDEN` for a user who is not joined. */
  async set(roomId: RoomId, user: UserNumber, userId: UserId, typing: boolean, timeoutMs?: number): Promise<void> {
    const forMs = typing ? Math.min(timeoutMs ?? DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS) : 0
    const read: MembershipRead = { user, isOutdated: false }
    this.#membershipReads.add(read)
    try {
      let room: RoomNumber | undefined
      // News of a leave that comes during the read finds nobody to stop. So the membership is read again: the user must not type after it.
      while (room === undefined || read.isOutdated) {
        read.isOutdated = false
        room = await joinedRoom(this.#rooms, roomId, userId)
      }
      if (forMs > 0) this.#start(room, user, userId, forMs)
      else this.stop(room, user)
    } finally {
      this.#membershipReads.delete(read)
    }
  }

  /** Ends the user's typing, if any. Sending a message does so, too. */
  stop(room: RoomNumber, user: UserNumber): void {
    const typists = this.#typists.get(room)
    const typist = typists?.get(user)
    if (typists === undefined || typist === undefined) return
    typist.cancelTimeout()
    typists.delete(user)
    if (typists.size === 0) {
      this.#typists.delete(room)
      this.#rememberQuiet(room)
    }
    this.#announce(room)
  }

  /** Rooms whose list changed with `after` < position <= `upTo`, with all users who type there now. */
  changedSince(
    after: number,
    upTo: number,
  ): readonly { readonly room: RoomNumber; readonly userIds: readonly UserId[] }[] {
    return this.#changes.since(after, upTo).map((room) => ({ room, userIds: this.typing(room) }))
  }

  /** The rooms in which somebody types now. */
  rooms(): Iterable<RoomNumber> {
    return this.#typists.keys()
  }

  /** The users who type in the room now: the `user_ids` of `m.typing`. */
  typing(room: RoomNumber): readonly UserId[] {
    return [...(this.#typists.get(room)?.values() ?? [])].map(({ userId }) => userId)
  }

  #start(room: RoomNumber, user: UserNumber, userId: UserId, timeoutMs: number): void {
    const typists = this.#typists.get(room) ?? new Map<UserNumber, Typist>()
    const before = typists.get(user)
    if (before === undefined && typists.size >= MAX_TYPING_IN_ROOM) return
    before?.cancelTimeout()
    typists.set(user, { userId, cancelTimeout: this.#clock.after(timeoutMs, () => this.stop(room, user)) })
    this.#typists.set(room, typists)
    this.#quiet.delete(room)
    // Renewing changes nothing that others see.
    if (before === undefined) this.#announce(room)
  }

  #stopAll(): void {
    for (const [room, typists] of [...this.#typists]) for (const user of [...typists.keys()]) this.stop(room, user)
  }

  #announce(room: RoomNumber): void {
    this.#streams.announce('typing', { rooms: [room], users: [] }, (position) => this.#changes.touch(room, position))
  }

  #rememberQuiet(room: RoomNumber): void {
    this.#quiet.delete(room)
    this.#quiet.add(room)
    if (this.#quiet.size <= REMEMBERED_ROOMS) return
    for (const oldest of this.#quiet) {
      this.#quiet.delete(oldest)
      this.#changes.forget(oldest)
      return
    }
  }
}
