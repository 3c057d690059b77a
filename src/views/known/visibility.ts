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
import type { ClientEvents } from '../events/client-event.ts'

/** The users whom a user ignores (module "Ignoring users"); the domain answers. */
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

interface RoomVisibilityParts {
  readonly userId: UserId
  readonly memberships: readonly Interval<Membership>[]
  readonly visibilities: readonly Interval<HistoryVisibility>[]
  readonly ignored: ReadonlySet<UserId>
  readonly events: ClientEvents
}

/** Decides which of one room's events one user may see. Made for one answer, from the room's log at that time. */
export class RoomVisibility {
  readonly #parts: RoomVisibilityParts
  readonly #lastJoin: number

  constructor(parts: RoomVisibilityParts) {
    this.#parts = parts
    this.#lastJoin = parts.memberships.findLast(({ value }) => value === 'join')?.position ?? Number.NEGATIVE_INFINITY
  }

  /** The user's membership when the event was sent, their own membership events counted as already in force; `leave` before their first one. */
  membershipAt(event: StoredEvent): Membership {
    const { memberships, userId } = this.#parts
    return before(memberships, isOwnMember(event, userId) ? event.position + 1 : event.position) ?? 'leave'
  }

  /** History visibility, and the user's own membership events: without these, nobody would learn of being removed. */
  maySee(event: StoredEvent): boolean {
    return isOwnMember(event, this.#parts.userId) || this.isInVisibleHistory(event)
  }

  /** History visibility alone. An event that it shows also shows the state around it; a membership event of one's own may not. */
  isInVisibleHistory(event: StoredEvent): boolean {
    return this.#isSeenAt(event.position, this.#parts.events.roomEvent(event))
  }

  /** `prev_content` is only for users with "permission to see the previous content" (section "Room event format"). */
  hidesPrevious(event: StoredEvent): boolean {
    const { replaces } = event
    if (replaces === undefined || isOwnMember(event, this.#parts.userId)) return false
    const { content } = JSON.parse(replaces.json) as Pdu
    return !this.#isSeenAt(replaces.position, { ...this.#parts.events.roomEvent(event), content })
  }

  #isSeenAt(position: number, event: RoomEvent): boolean {
    const { userId, memberships, visibilities } = this.#parts
    return maySeeEvent(userId, event, {
      visibility: before(visibilities, position) ?? 'shared',
      membership: before(memberships, position),
      joinedLater: this.#lastJoin > position,
    })
  }

  /** The rule of timelines: visible, and no message of an ignored user. State of ignored users is shown. */
  mayShow(event: StoredEvent): boolean {
    if (event.stateKey === undefined && this.#parts.ignored.has(event.sender)) return false
    return this.maySee(event)
  }
}

const isOwnMember = (event: StoredEvent, userId: UserId): boolean =>
  event.type === 'm.room.member' && event.stateKey === userId

/** Position of the member event that ended the user's last stay in a room; undefined for a member, or a user who never was one. */
export const endOfStay = (
  history: readonly { readonly membership: Membership; readonly position: number }[],
): number | undefined => {
  const lastJoin = history.findLastIndex(({ membership }) => membership === 'join')
  return lastJoin === -1 ? undefined : history[lastJoin + 1]?.position
}

/** The part of a room that a user may read now. */
export interface RoomAccess {
  readonly record: RoomRecord
  /** Last position the user may read: where they left, whatever became of their membership since; undefined: no end. */
  readonly upTo: number | undefined
  /** undefined for a user without membership who reads a `world_readable` room. */
  readonly membership: Membership | undefined
}

export interface VisibilityParts {
  readonly reader: RoomsReader
  readonly events: ClientEvents
  readonly ignored: IgnoredUsers
}

/** Decides who may see what of a room's history; nothing else does. */
export class Visibility {
  readonly #reader: RoomsReader
  readonly #events: ClientEvents
  readonly #ignored: IgnoredUsers

  constructor({ reader, events, ignored }: VisibilityParts) {
    this.#reader = reader
    this.#events = events
    this.#ignored = ignored
  }

  async inRoom(room: RoomNumber, user: { readonly userId: UserId; readonly user: number }): Promise<RoomVisibility> {
    const [memberships, changes, ignored] = await Promise.all([
      this.#reader.membershipHistory(room, user.userId),
      this.#reader.stateHistory(room, 'm.room.history_visibility', ''),
      this.#ignored.ignoredBy(user.user),
    ])
    return new RoomVisibility({
      userId: user.userId,
      memberships: memberships.map(({ membership, position }) => ({ value: membership, position })),
      visibilities: changes.map((change) => ({
        value: historyVisibilityOf(change.event === undefined ? {} : this.#events.content(change.event)),
        position: change.position,
      })),
      ignored,
      events: this.#events,
    })
  }

  /**
   * How far a user may read a room: members to its end, former members to where they left, anybody where it is
   * `world_readable` now. Throws `M_FORBIDDEN`, also for rooms that do not exist, so that nobody can probe for rooms.
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

  /** Whether the user may see the room's state at that position: an event next to it must be visible to them. */
  async maySeeStateAt(room: RoomNumber, at: number, viewer: { readonly userId: UserId; readonly user: number }) {
    const visibility = await this.inRoom(room, viewer)
    const [before] = await this.#reader.timeline(room, { before: at + 1, direction: 'backward', limit: 1 })
    const [after] = await this.#reader.timeline(room, { after: at, direction: 'forward', limit: 1 })
    return [before, after].some((event) => event !== undefined && visibility.isInVisibleHistory(event))
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
