import { historyVisibilityOf, maySeeEvent } from '#rules'
import {
  type HistoryVisibility,
  type JsonObject,
  MatrixError,
  type Membership,
  type Pdu,
  type RoomEvent,
  type RoomId,
  type UserId,
} from '#spec'
import type { RoomNumber, RoomRecord, RoomsReader, StoredEvent } from '#store'
import type { ClientEvents } from './client-event.ts'

/** Whom a user does not want to hear of (module "Ignoring users"); declared here, answered by the domain. */
export interface IgnoredUsers {
  ignoredBy(user: number): Promise<ReadonlySet<UserId>>
}

interface Interval<Value> {
  readonly value: Value
  /** In force from right after the event at this position. */
  readonly position: number
}

/** The value in force right before the event at that position. */
const before = <Value>(history: readonly Interval<Value>[], position: number): Value | undefined => {
  let low = 0
  let high = history.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((history[middle] as Interval<Value>).position < position) low = middle + 1
    else high = middle
  }
  return history[low - 1]?.value
}

/** How one user sees one room's events: made for one answer, from the room's log as it was at `upTo`. */
export class RoomEyes {
  readonly #userId: UserId
  readonly #memberships: readonly Interval<Membership>[]
  readonly #visibilities: readonly Interval<HistoryVisibility>[]
  readonly #lastJoin: number
  readonly #ignored: ReadonlySet<UserId>
  readonly #events: ClientEvents

  constructor(
    userId: UserId,
    memberships: readonly Interval<Membership>[],
    visibilities: readonly Interval<HistoryVisibility>[],
    ignored: ReadonlySet<UserId>,
    events: ClientEvents,
  ) {
    this.#userId = userId
    this.#memberships = memberships
    this.#visibilities = visibilities
    this.#lastJoin = memberships.findLast(({ value }) => value === 'join')?.position ?? Number.NEGATIVE_INFINITY
    this.#ignored = ignored
    this.#events = events
  }

  /** The user's membership when the event was sent, their own membership events counted as already in force. */
  membershipAt(event: StoredEvent): Membership | undefined {
    return before(this.#memberships, isOwnMember(event, this.#userId) ? event.position + 1 : event.position)
  }

  /** As history visibility has it. One's own membership events are always seen: else nobody would learn of being removed. */
  maySee(event: StoredEvent): boolean {
    return isOwnMember(event, this.#userId) || this.isInSight(event)
  }

  /** History visibility alone: what is in sight shows the state around it too, one's own membership events may not. */
  isInSight(event: StoredEvent): boolean {
    return this.#isSeenAt(event.position, this.#events.roomEvent(event))
  }

  /** `prev_content` is only for who "has permission to see the previous content" (section "Room event format"). */
  hidesPrevious(event: StoredEvent): boolean {
    const { replaces } = event
    if (replaces === undefined || isOwnMember(event, this.#userId)) return false
    const { content } = JSON.parse(replaces.json) as Pdu
    return !this.#isSeenAt(replaces.position, { ...this.#events.roomEvent(event), content })
  }

  #isSeenAt(position: number, event: RoomEvent): boolean {
    return maySeeEvent(this.#userId, event, {
      visibility: before(this.#visibilities, position) ?? 'shared',
      membership: before(this.#memberships, position),
      joinedLater: this.#lastJoin > position,
    })
  }

  /** For timelines: what is visible, and not a message of somebody ignored (state is always shown). */
  mayShow(event: StoredEvent): boolean {
    if (event.stateKey === undefined && this.#ignored.has(event.sender)) return false
    return this.maySee(event)
  }
}

const isOwnMember = (event: StoredEvent, userId: UserId): boolean =>
  event.type === 'm.room.member' && event.stateKey === userId

/** Position of the member event that ended the user's last stay in a room; undefined for who is in it, or never was. */
export const endOfStay = (
  history: readonly { readonly membership: Membership; readonly position: number }[],
): number | undefined => {
  const lastJoin = history.findLastIndex(({ membership }) => membership === 'join')
  return lastJoin === -1 ? undefined : history[lastJoin + 1]?.position
}

/** What of a room a user may read now. */
export interface RoomAccess {
  readonly record: RoomRecord
  /** Last position the user may read: where they left, whatever became of their membership since; undefined for no end. */
  readonly upTo: number | undefined
  /** undefined for who only looks in (`world_readable`). */
  readonly membership: Membership | undefined
}

/** The one place that decides what of a room's history anybody sees. */
export class Visibility {
  readonly #reader: RoomsReader
  readonly #events: ClientEvents
  readonly #ignored: IgnoredUsers

  constructor(reader: RoomsReader, events: ClientEvents, ignored: IgnoredUsers) {
    this.#reader = reader
    this.#events = events
    this.#ignored = ignored
  }

  async eyes(room: RoomNumber, user: { readonly userId: UserId; readonly user: number }): Promise<RoomEyes> {
    const [memberships, changes, ignored] = await Promise.all([
      this.#reader.membershipHistory(room, user.userId),
      this.#reader.stateHistory(room, 'm.room.history_visibility', ''),
      this.#ignored.ignoredBy(user.user),
    ])
    return new RoomEyes(
      user.userId,
      memberships.map(({ membership, position }) => ({ value: membership, position })),
      changes.map((change) => ({
        value: historyVisibilityOf(this.#events.content(change)),
        position: change.position,
      })),
      ignored,
      this.#events,
    )
  }

  /**
   * Whether a user may read a room at all, and up to where: members to its end, who left up to there, anybody where it is
   * `world_readable` now. Throws `M_FORBIDDEN`, also for rooms that do not exist: their existence is not to be probed.
   */
  async access(roomId: RoomId, userId: UserId): Promise<RoomAccess> {
    const record = await this.#reader.roomByRoomId(roomId)
    if (record === undefined) throw new MatrixError('M_FORBIDDEN', 'You are not in this room, or it does not exist')
    const member = await this.#reader.membership(record.room, userId)
    if (member?.membership === 'join') return { record, upTo: undefined, membership: 'join' }
    if (await this.isWorldReadable(record.room)) return { record, upTo: undefined, membership: member?.membership }
    if (member?.membership === 'leave' || member?.membership === 'ban') {
      const rooms = await this.#reader.roomsOfUser(userId)
      const own = rooms.find(({ room }) => room === record.room)
      const upTo = endOfStay(await this.#reader.membershipHistory(record.room, userId))
      if (own?.forgotten !== true && upTo !== undefined) return { record, upTo, membership: member.membership }
    }
    throw new MatrixError('M_FORBIDDEN', 'You are not in this room, or it does not exist')
  }

  /** Whether the user may see the room's state as it was at that position: it stood next to something in their sight. */
  async maySeeStateAt(room: RoomNumber, at: number, viewer: { readonly userId: UserId; readonly user: number }) {
    const eyes = await this.eyes(room, viewer)
    const [before] = await this.#reader.timeline(room, { before: at + 1, direction: 'backward', limit: 1 })
    const [after] = await this.#reader.timeline(room, { after: at, direction: 'forward', limit: 1 })
    return [before, after].some((event) => event !== undefined && eyes.isInSight(event))
  }

  async isWorldReadable(room: RoomNumber): Promise<boolean> {
    const content = await this.#stateContent(room, 'm.room.history_visibility')
    return content !== undefined && historyVisibilityOf(content) === 'world_readable'
  }

  /** Whether anybody may join. */
  async isPublic(room: RoomNumber): Promise<boolean> {
    return (await this.#stateContent(room, 'm.room.join_rules'))?.join_rule === 'public'
  }

  async #stateContent(room: RoomNumber, type: string): Promise<JsonObject | undefined> {
    const event = await this.#reader.stateEvent(room, 'current', type, '')
    return event === undefined ? undefined : (JSON.parse(event.json) as Pdu).content
  }
}
