import type { Clock, Soon } from '#base'
import { historyVisibilityOf } from '#rules'
import { type JsonObject, MatrixError, type Membership, type Pdu, type RoomId, type UserId } from '#spec'
import type { LastStay, RoomNumber, RoomRecord, RoomsReader } from '#store'
import type { ClientEvents } from '../events/client-event.ts'
import type { IgnoredLists } from '../unread/ignored-list.ts'
import type { Expiry, MessageLifetimes } from './retention.ts'
import { type HistoryVisibilities, RoomVisibility } from './room-visibility.ts'

/** The users whom a user ignores (module "Ignoring users"); the domain answers. */
export interface IgnoredUsers extends IgnoredLists {
  ignoredBy(user: number): Soon<ReadonlySet<UserId>>
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
  readonly visibilities: HistoryVisibilities
  readonly clock: Clock
  readonly lifetimes: MessageLifetimes
}

/** Decides who may see what of a room's history; nothing else does. */
export class Visibility {
  readonly #parts: VisibilityParts
  readonly #reader: RoomsReader

  constructor(parts: VisibilityParts) {
    this.#parts = parts
    this.#reader = parts.reader
  }

  /** `known`: the user's last stay in the room, where the caller knows it. */
  async inRoom(
    room: RoomNumber,
    user: { readonly userId: UserId; readonly user: number },
    known?: LastStay,
  ): Promise<RoomVisibility> {
    const { userId } = user
    const [lastStay, ignored, isExpired] = await Promise.all([
      known ?? this.#reader.lastStay(room, userId),
      this.#parts.ignored.ignoredBy(user.user),
      this.expiryIn(room),
    ])
    return new RoomVisibility({ ...this.#parts, room, userId, lastStay, hidden: { ignored, isExpired } })
  }

  /** Tells which of the room's messages are too old to be shown to anybody. */
  expiryIn(room: RoomNumber): Promise<Expiry> {
    return this.#parts.lifetimes.expiryIn(room)
  }

  /** The same for rooms that the user is in now. */
  async inJoinedRooms(
    rooms: readonly RoomNumber[],
    user: { readonly userId: UserId; readonly user: number },
  ): Promise<ReadonlyMap<RoomNumber, RoomVisibility>> {
    const { userId } = user
    const ignored = await this.#parts.ignored.ignoredBy(user.user)
    const joins = await this.#reader.lastJoins(rooms, userId)
    const found = new Map<RoomNumber, RoomVisibility>()
    for (const [room, joined] of joins) {
      const lastStay = { joined, ended: undefined }
      const isExpired = await this.expiryIn(room)
      found.set(room, new RoomVisibility({ ...this.#parts, room, userId, lastStay, hidden: { ignored, isExpired } }))
    }
    return found
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
      const upTo = (await this.#reader.lastStay(record.room, userId))?.ended
      if (!member.forgotten && upTo !== undefined) return { record, upTo, membership: member.membership }
    }
    throw new MatrixError('M_FORBIDDEN', 'You are not in this room, or it does not exist')
  }

  /** Whether the user may see the room's state at that position: an event next to it must be visible to them. */
  async maySeeStateAt(room: RoomNumber, at: number, viewer: { readonly userId: UserId; readonly user: number }) {
    const visibility = await this.inRoom(room, viewer)
    const [before] = await this.#reader.timeline(room, { before: at + 1, direction: 'backward', limit: 1 })
    const [after] = await this.#reader.timeline(room, { after: at, direction: 'forward', limit: 1 })
    const beside = [before, after].filter((event) => event !== undefined)
    await visibility.learn(beside)
    return beside.some((event) => visibility.isInVisibleHistory(event))
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
