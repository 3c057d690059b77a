import type { Clock, Logger } from '#base'
import type { UserId } from '#spec'
import type { RoomsReader, UserNumber } from '#store'
import type { Streams } from '#streams'
import { roomsToWake } from './presence-audience.ts'
import type { NewTie } from './presence-lists.ts'
import { type PresenceRecord, presenceOf, sameButForActivity, samePresence } from './presence-record.ts'
import { RecentChanges } from './recent-changes.ts'

/** Changes within this time are told together. */
const COALESCE_MS = 50
/**
 * The cost that telling may have: so many long polls ended a second, on average. Each costs its client a request more, so that a change which
 * concerns 2,000 waiting people is followed by the next after 8 s at the earliest, one that concerns ten after 50 ms.
 */
const WAKES_A_SECOND = 250
const MAX_PAUSE_MS = 60_000
/** A change of `currently_active` alone is told with the next change of anybody's presence, or after this time. */
const QUIET_MS = 30_000
/** Users told of at once; the others follow in the next turn. */
const MAX_TOLD = 5_000
/** Pairs of users who met that are remembered, for long enough that their clients have asked. */
const REMEMBERED_MEETINGS = 10_000

export interface PresenceNewsParts {
  readonly clock: Clock
  readonly log: Logger
  readonly streams: Pick<Streams, 'announce' | 'reached'>
  readonly rooms: Pick<RoomsReader, 'roomsOfUser'>
  readonly followersOf: (user: UserNumber) => Promise<readonly UserNumber[]>
  /** Called with each record after it was told. */
  readonly told: (record: PresenceRecord) => void
}

/** Announces changes of presence, many at once and at a bounded cost. A change gets its position, and wakes people, when it is announced. */
export class PresenceNews {
  readonly #parts: PresenceNewsParts
  readonly #waiting = new Set<PresenceRecord>()
  readonly #changes = new RecentChanges<UserId>()
  /** Keys are viewer and seen, joined by a line break. */
  readonly #meetings = new RecentChanges<string>()
  readonly #oldestMeetings = new Set<string>()
  /** undefined: nothing is due. */
  #dueAt: number | undefined
  #cancel: () => void = () => {}
  #telling = false
  #pausedUntil = Number.NEGATIVE_INFINITY

  constructor(parts: PresenceNewsParts) {
    this.#parts = parts
  }

  /** Announces the record in time if it differs from what others were told. */
  changed(record: PresenceRecord): void {
    const presence = presenceOf(record, this.#now())
    if (samePresence(presence, record.published)) return
    this.#waiting.add(record)
    this.#tellWithin(sameButForActivity(presence, record.published) ? QUIET_MS : COALESCE_MS)
  }

  /** Users announced with `after` < position <= `upTo`, oldest first. */
  since(after: number, upTo: number): readonly UserId[] {
    return this.#changes.since(after, upTo)
  }

  /** The users whom the viewer sees by a list only since then. */
  metSince(viewer: UserId, after: number, upTo: number): readonly UserId[] {
    return this.#meetings.since(after, upTo).flatMap((key) => {
      const [one, other] = key.split('\n')
      return one === viewer ? [other as UserId] : []
    })
  }

  /** Announces new ties at once, as they follow a request and concern two users. */
  meet(ties: readonly NewTie[]): void {
    if (ties.length === 0) return
    const users = ties.map(({ viewer }) => viewer.user)
    this.#parts.streams.announce('presence', { rooms: [], users }, (position) => {
      for (const { viewer, seen } of ties) this.#remember(`${viewer.userId}\n${seen}`, position)
    })
  }

  forget(userId: UserId): void {
    this.#changes.forget(userId)
  }

  #now(): number {
    return this.#parts.clock.monotonicMs()
  }

  #remember(key: string, position: number): void {
    this.#meetings.touch(key, position)
    this.#oldestMeetings.delete(key)
    this.#oldestMeetings.add(key)
    if (this.#oldestMeetings.size <= REMEMBERED_MEETINGS) return
    for (const oldest of this.#oldestMeetings) {
      this.#oldestMeetings.delete(oldest)
      this.#meetings.forget(oldest)
      return
    }
  }

  #tellWithin(delayMs: number): void {
    const now = this.#now()
    const dueAt = Math.max(now + delayMs, this.#pausedUntil)
    if (this.#telling || (this.#dueAt !== undefined && this.#dueAt <= dueAt)) return
    this.#cancel()
    this.#dueAt = dueAt
    this.#cancel = this.#parts.clock.after(dueAt - now, () => {
      this.#telling = true
      this.#dueAt = undefined
      this.#tell()
        .catch((error: unknown) => this.#parts.log.warn({ err: error }, 'Presence could not be told'))
        .finally(() => {
          this.#telling = false
          if (this.#waiting.size > 0) this.#tellWithin(COALESCE_MS)
        })
    })
  }

  async #tell(): Promise<void> {
    const { rooms, streams, followersOf, told } = this.#parts
    const records = [...this.#waiting].slice(0, MAX_TOLD)
    for (const record of records) this.#waiting.delete(record)
    const wake = { rooms: new Set<number>(), users: new Set<UserNumber>() }
    for (const { user, userId } of records) {
      for (const room of await roomsToWake(rooms, userId)) wake.rooms.add(room)
      for (const follower of await followersOf(user)) wake.users.add(follower)
    }
    const now = this.#now()
    const changed = records.filter((record) => !samePresence(presenceOf(record, now), record.published))
    if (changed.length === 0) return
    streams.announce('presence', { rooms: [...wake.rooms], users: [...wake.users] }, (position) => {
      for (const record of changed) {
        record.published = presenceOf(record, now)
        this.#changes.touch(record.userId, position)
        told(record)
      }
    })
    this.#pausedUntil = now + Math.min((streams.reached / WAKES_A_SECOND) * 1_000, MAX_PAUSE_MS)
  }
}
