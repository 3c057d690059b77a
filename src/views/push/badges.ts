import { BoundedCache, type CacheStats } from '#base'
import type { UserId } from '#spec'
import type { MembersReader, ReceiptsReader, RoomNumber } from '#store'
import type { Positions } from '#streams'
import type { RoomFactsCache } from '../known/room-facts.ts'
import { joinedRooms, type RoomsOfUser, type UserRooms } from '../known/user-rooms.ts'
import type { IgnoredLists } from '../unread/ignored-list.ts'
import type { PushRules } from '../unread/push-rules.ts'
import type { Unread } from '../unread/unread-counts.ts'

interface BadgeUser {
  readonly userId: UserId
  readonly user: number
}

interface UserBadge {
  /** Rooms with something unread, and how much. */
  readonly rooms: ReadonlyMap<RoomNumber, number>
  readonly rulesPosition: number
  readonly ignoredPosition: number
  readonly threadsPosition: number
  readonly eventsUpTo: number
  readonly receiptsUpTo: number
}

const OVERHEAD_BYTES = 400
const BYTES_A_ROOM = 60

export interface BadgesParts {
  readonly memberships: Pick<MembersReader, 'changedRoomsOfUser'>
  readonly receipts: ReceiptsReader
  readonly pushRules: PushRules
  readonly ignored: IgnoredLists
  readonly userRooms: UserRooms
  readonly facts: RoomFactsCache
  readonly unread: Unread
  readonly limitBytes: number
}

/** The sum of a user's unread counts. Only rooms with new events or receipts since the last time are counted again, and those with something unread at first. */
export class Badges {
  readonly #parts: BadgesParts
  readonly #badges: BoundedCache<number, UserBadge>

  constructor(parts: BadgesParts) {
    this.#parts = parts
    this.#badges = new BoundedCache({
      name: 'badges',
      limitBytes: parts.limitBytes,
      sizeBytes: ({ rooms }) => OVERHEAD_BYTES + rooms.size * BYTES_A_ROOM,
    })
  }

  stats(): CacheStats {
    return this.#badges.stats()
  }

  /** Notifications that are unread as of these positions, in all rooms the user is joined to. */
  async of(user: BadgeUser, now: Positions): Promise<number> {
    const { userRooms, pushRules, ignored, receipts } = this.#parts
    const joined = await userRooms.of(user)
    const rules = await pushRules.of(user)
    const rulesPosition = rules.position
    const ignoredPosition = (await ignored.listOf(user.user)).position
    const known = this.#badges.get(user.user)
    const isCurrent = known?.rulesPosition === rulesPosition && known.ignoredPosition === ignoredPosition
    const threads = await pushRules.threadsChanged(rules, user.user, known?.threadsPosition ?? 0)
    const changed = isCurrent
      ? new Set([...(await this.#changed(user, joined, known, now)), ...threads.rooms])
      : await receipts.unreadRooms(user.user)
    const rooms = new Map(isCurrent ? known.rooms : [])
    for (const room of changed) {
      const unread = await this.#count(user, joined, room, now)
      if (unread === 0) rooms.delete(room)
      else rooms.set(room, unread)
    }
    const upTo = { eventsUpTo: now.events, receiptsUpTo: now.receipts }
    this.#badges.set(user.user, { rooms, rulesPosition, ignoredPosition, threadsPosition: threads.upTo, ...upTo })
    return [...rooms.values()].reduce((sum, unread) => sum + unread, 0)
  }

  async #changed(
    { userId, user }: BadgeUser,
    joined: RoomsOfUser,
    { eventsUpTo, receiptsUpTo }: UserBadge,
    now: Positions,
  ): Promise<ReadonlySet<RoomNumber>> {
    const { memberships, receipts } = this.#parts
    const changed = new Set<RoomNumber>()
    if (eventsUpTo < now.events)
      for (const room of await memberships.changedRoomsOfUser(user, eventsUpTo, now.events)) changed.add(room)
    if (receiptsUpTo >= now.receipts) return changed
    const rooms = joinedRooms(joined).map(({ room }) => room)
    for (const receipt of await receipts.since(rooms, receiptsUpTo, now.receipts, userId))
      if (receipt.userId === userId) changed.add(receipt.room)
    return changed
  }

  async #count(user: BadgeUser, joined: RoomsOfUser, room: RoomNumber, now: Positions): Promise<number> {
    const { facts: cache, unread } = this.#parts
    const record = joined.get(room)
    const facts = record?.membership === 'join' ? await cache.of(room) : undefined
    if (record === undefined || facts === undefined) return 0
    const counts = await unread.counts({
      user,
      facts,
      memberAt: record.position,
      upTo: now.events,
      receiptsUpTo: now.receipts,
      allReceipts: false,
      since: undefined,
      newEvents: undefined,
      newReceipts: [],
    })
    return counts.room.notifications
  }
}
