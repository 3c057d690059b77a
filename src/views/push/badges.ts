import { BoundedCache, type CacheStats } from '#base'
import type { UserId } from '#spec'
import type { ReceiptsReader, RoomNumber } from '#store'
import type { Positions } from '#streams'
import type { RoomFactsCache } from '../known/room-facts.ts'
import { joinedRooms, type UserRooms } from '../known/user-rooms.ts'
import type { IgnoredLists } from '../unread/ignored-list.ts'
import type { PushRules } from '../unread/push-rules.ts'
import type { Unread } from '../unread/unread-counts.ts'

interface RoomBadge {
  readonly unread: number
  readonly joinedAt: number
  /** Position of the newest event that was counted. */
  readonly upTo: number
}

interface UserBadge {
  readonly rooms: ReadonlyMap<RoomNumber, RoomBadge>
  readonly rulesPosition: number
  readonly ignoredPosition: number
  readonly receiptsUpTo: number
}

const OVERHEAD_BYTES = 200
const BYTES_A_ROOM = 120

export interface BadgesParts {
  readonly receipts: ReceiptsReader
  readonly pushRules: PushRules
  readonly ignored: IgnoredLists
  readonly userRooms: UserRooms
  readonly facts: RoomFactsCache
  readonly unread: Unread
  readonly limitBytes: number
}

/** The sum of a user's unread counts. Only rooms with new events or receipts since the last time are counted again. */
export class Badges {
  readonly #receipts: ReceiptsReader
  readonly #rules: PushRules
  readonly #ignored: IgnoredLists
  readonly #userRooms: UserRooms
  readonly #facts: RoomFactsCache
  readonly #unread: Unread
  readonly #badges: BoundedCache<number, UserBadge>

  constructor({ receipts, pushRules, ignored, userRooms, facts, unread, limitBytes }: BadgesParts) {
    this.#receipts = receipts
    this.#rules = pushRules
    this.#ignored = ignored
    this.#userRooms = userRooms
    this.#facts = facts
    this.#unread = unread
    this.#badges = new BoundedCache({
      name: 'badges',
      limitBytes,
      sizeBytes: ({ rooms }) => OVERHEAD_BYTES + rooms.size * BYTES_A_ROOM,
    })
  }

  stats(): CacheStats {
    return this.#badges.stats()
  }

  /** Notifications that are unread as of these positions, in all rooms the user is joined to. */
  async of(user: { readonly userId: UserId; readonly user: number }, now: Positions): Promise<number> {
    const joined = joinedRooms(await this.#userRooms.of(user))
    const rulesPosition = (await this.#rules.of(user)).position
    const known = this.#badges.get(user.user)
    const ignoredPosition = (await this.#ignored.listOf(user.user)).position
    const isCurrent = known?.rulesPosition === rulesPosition && known.ignoredPosition === ignoredPosition
    const held = isCurrent ? known : undefined
    const read = held === undefined ? new Set<RoomNumber>() : await this.#readSince(user.userId, joined, held, now)
    const rooms = new Map<RoomNumber, RoomBadge>()
    let sum = 0
    for (const { room, position: joinedAt } of joined) {
      const facts = await this.#facts.of(room)
      if (facts === undefined) continue
      const upTo = Math.min(facts.record.lastPosition, now.events)
      const before = held?.rooms.get(room)
      const same = before?.joinedAt === joinedAt && before.upTo === upTo && !read.has(room)
      const badge = same ? before : { joinedAt, upTo, unread: await this.#count(user, facts, joinedAt, now) }
      rooms.set(room, badge)
      sum += badge.unread
    }
    this.#badges.set(user.user, { rooms, rulesPosition, ignoredPosition, receiptsUpTo: now.receipts })
    return sum
  }

  async #readSince(
    userId: UserId,
    joined: readonly { readonly room: RoomNumber }[],
    { receiptsUpTo }: UserBadge,
    now: Positions,
  ): Promise<ReadonlySet<RoomNumber>> {
    if (receiptsUpTo >= now.receipts || joined.length === 0) return new Set()
    const rooms = joined.map(({ room }) => room)
    const moved = await this.#receipts.since(rooms, receiptsUpTo, now.receipts, userId)
    return new Set(moved.filter((receipt) => receipt.userId === userId).map(({ room }) => room))
  }

  async #count(
    user: { readonly userId: UserId; readonly user: number },
    facts: NonNullable<Awaited<ReturnType<RoomFactsCache['of']>>>,
    joinedAt: number,
    now: Positions,
  ): Promise<number> {
    const counts = await this.#unread.counts({
      user,
      facts,
      memberAt: joinedAt,
      upTo: now.events,
      receiptsUpTo: now.receipts,
      since: undefined,
      newEvents: undefined,
      newReceipts: [],
    })
    return counts.room.notifications
  }
}
