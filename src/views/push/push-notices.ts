import type { Slices } from '#base'
import { takenBackByStored } from '#rules'
import {
  type EventId,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type Pdu,
  type RoomId,
  stringAt,
  type UserId,
} from '#spec'
import type { EventsReader, ReceiptsReader, RoomNumber, RoomStateReader, StoredEvent } from '#store'
import type { ClientEvents } from '../events/client-event.ts'
import type { InvitesShown } from '../known/invites-shown.ts'
import type { RecentEvents } from '../known/recent-events.ts'
import { joinedRooms, type RoomsOfUser, type UserRooms } from '../known/user-rooms.ts'
import type { IgnoredUsers } from '../known/visibility.ts'
import type { PushedUser, PushVerdicts } from './push-verdicts.ts'
import { isRead, isTold } from './told.ts'

/** An event that notifies a user, with what a push gateway may know of it (Push Gateway API). */
export interface PushNotice {
  readonly position: number
  readonly room: RoomNumber
  readonly eventId: EventId
  readonly roomId: RoomId
  readonly type: string
  /** As its sender's server says, in milliseconds. */
  readonly sentAtMs: number
  readonly sender: UserId
  readonly content: JsonObject
  readonly senderDisplayName: string | undefined
  readonly roomName: string | undefined
  readonly roomAlias: string | undefined
  readonly membership: string | undefined
  readonly userIsTarget: boolean
  readonly tweaks: JsonObject
}

export interface PushNoticesParts {
  readonly reader: EventsReader & RoomStateReader
  readonly receipts: ReceiptsReader
  readonly recent: RecentEvents
  readonly clientEvents: ClientEvents
  readonly userRooms: UserRooms
  readonly slices: Slices
  readonly verdicts: PushVerdicts
  readonly people: { readonly ignored: IgnoredUsers; readonly invites: InvitesShown }
}

export interface NextNotice {
  readonly notice: PushNotice | undefined
  readonly reached: number
  /** An event on the way there may have made something count no more. */
  readonly recount: boolean
}

const PAGE = 500

/** Finds the events that notify a user, in the order of the stream, for pushers to deliver. */
export class PushNotices {
  readonly #parts: PushNoticesParts

  constructor(parts: PushNoticesParts) {
    this.#parts = parts
  }

  /** The first event with `after` < position <= `upTo` that notifies; `reached` is its position, or how far there is none. */
  async next(user: PushedUser, after: number, upTo: number): Promise<NextNotice> {
    const { recent, reader, userRooms, people } = this.#parts
    let reached = after
    let recount = false
    const slice = this.#parts.slices.begin()
    while (reached < upTo) {
      const held = await recent.between(reached, upTo)
      const events = held ?? (await reader.eventsAfter(reached, upTo, PAGE))
      const rooms = await userRooms.of(user)
      const ignoredUsers = await people.ignored.ignoredBy(user.user)
      for (const event of events) {
        recount ||= rooms.has(event.room) && mayTakeAway(event, user.userId)
        if (event.sender === user.userId || ignoredUsers.has(event.sender)) continue
        const notice = await this.#notice(user, rooms, event)
        if (slice.isOver()) await slice.next()
        if (notice !== undefined) return { notice, reached: event.position, recount }
      }
      const more = held === undefined && events.length === PAGE
      reached = more ? (events.at(-1)?.position ?? upTo) : upTo
    }
    return { notice: undefined, reached: upTo, recount }
  }

  /** Rooms whose events may notify the user. News of an invite names the user, so its room is not among them. */
  async roomsOf(user: PushedUser): Promise<readonly RoomNumber[]> {
    return joinedRooms(await this.#parts.userRooms.of(user)).map(({ room }) => room)
  }

  async #notice(user: PushedUser, rooms: RoomsOfUser, event: StoredEvent): Promise<PushNotice | undefined> {
    const record = rooms.get(event.room)
    const { reader, people } = this.#parts
    if (record === undefined || event.redactedBy !== undefined) return undefined
    if (!(await isTold(user, record, event, { reader, invites: people.invites }))) return undefined
    const outcome = await this.#parts.verdicts.of(user, record, event)
    if (outcome?.notify !== true || (await this.#isRead(user, event))) return undefined
    const { position, room, eventId, roomId, type, sender, stateKey, originServerTs: sentAtMs } = event
    const content = this.#parts.clientEvents.content(event)
    return {
      ...{ position, room, eventId, roomId, type, sentAtMs, sender, content },
      senderDisplayName: await this.#stateText(event.room, 'm.room.member', sender, 'displayname'),
      roomName: await this.#stateText(event.room, 'm.room.name', '', 'name'),
      roomAlias: await this.#stateText(event.room, 'm.room.canonical_alias', '', 'alias'),
      membership: type === 'm.room.member' ? stringAt(content, 'membership') : undefined,
      userIsTarget: type === 'm.room.member' && stateKey === user.userId,
      tweaks: tweaksOf(outcome.actions),
    }
  }

  /** Read on another device while a gateway could not be reached. */
  async #isRead({ user }: PushedUser, event: StoredEvent): Promise<boolean> {
    const { clientEvents, receipts, reader } = this.#parts
    return isRead(event, clientEvents.content(event), await receipts.ofUser(user, [event.room]), reader)
  }

  async #stateText(room: RoomNumber, type: string, stateKey: string, member: string): Promise<string | undefined> {
    const stored = await this.#parts.reader.stateEvent(room, 'current', type, stateKey)
    return stored === undefined ? undefined : stringAt((JSON.parse(stored.json) as Pdu).content, member)
  }
}

/** Redactions, removals that take back what somebody sent, and the user's own membership: the end of a stay. */
const mayTakeAway = (event: StoredEvent, userId: UserId): boolean =>
  event.type === 'm.room.redaction' ||
  (event.type === 'm.room.member' && (event.stateKey === userId || takenBackByStored(event) !== undefined))

/** `{set_tweak: name, value}` as `{name: value}`. Without a value `highlight` is true, and other tweaks are left out ("Tweaks"). */
const tweaksOf = (actions: readonly JsonValue[]): JsonObject => {
  const tweaks: [string, JsonValue][] = []
  for (const action of actions) {
    if (!isJsonObject(action) || typeof action.set_tweak !== 'string') continue
    const value = action.value ?? (action.set_tweak === 'highlight' ? true : undefined)
    if (value !== undefined) tweaks.push([action.set_tweak, value])
  }
  return Object.fromEntries(tweaks)
}
