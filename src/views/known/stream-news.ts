import type { UserId } from '#spec'
import type {
  AccountDataEntry,
  AccountDataReader,
  MembersReader,
  Receipt,
  ReceiptsReader,
  RoomAccountDataEntry,
  RoomNumber,
  StoredEvent,
} from '#store'
import type { EventsViewer } from '../events/event-texts.ts'
import type { IgnoredLists } from '../unread/ignored-list.ts'
import type { PushRules } from '../unread/push-rules.ts'
import type { RecentEvents } from './recent-events.ts'
import type { TypingNow } from './typing-now.ts'
import { joinedRooms, type RoomsOfUser } from './user-rooms.ts'
import type { Window } from './window.ts'

export interface StreamNewsParts {
  readonly recent: RecentEvents
  readonly memberships: Pick<MembersReader, 'changedRoomsOfUser'>
  readonly accountData: AccountDataReader
  readonly receipts: ReceiptsReader
  readonly typing: TypingNow
  readonly pushRules: PushRules
  readonly ignored: IgnoredLists
}

/** News of one room besides its events. */
export interface RoomNews {
  readonly typing: readonly UserId[] | undefined
  readonly receipts: readonly Receipt[]
  readonly accountData: readonly RoomAccountDataEntry[]
  /** The unread counts may have changed without an event or a receipt, as push rules or ignored users did. */
  readonly counts: boolean
}

/** News of a user in one window, before any room is read by itself. */
export interface WindowNews {
  /** New events by room; undefined where the window begins further back than memory reaches. */
  readonly events: ReadonlyMap<RoomNumber, readonly StoredEvent[]> | undefined
  /** Rooms with new events; undefined without `since`: any room may have some. */
  readonly changed: Iterable<RoomNumber> | undefined
  readonly rooms: ReadonlyMap<RoomNumber, RoomNews>
  readonly accountData: readonly AccountDataEntry[]
}

export const NO_ROOM_NEWS: RoomNews = { typing: undefined, receipts: [], accountData: [], counts: false }

/** Reads the streams of a window, each once for all rooms. Presence is read by `PresenceVisibility`. */
export class StreamNews {
  readonly #parts: StreamNewsParts

  constructor(parts: StreamNewsParts) {
    this.#parts = parts
  }

  /** All streams, by room. `allAccountData`: also what was set before the window. */
  async all(window: Window, rooms: RoomsOfUser, allAccountData: boolean): Promise<WindowNews> {
    const joined = joinedRooms(rooms).map(({ room }) => room)
    const news = new Map<RoomNumber, RoomNews>()
    const add = (room: RoomNumber, more: (held: RoomNews) => Partial<RoomNews>): void => {
      const held = news.get(room) ?? NO_ROOM_NEWS
      news.set(room, { ...held, ...more(held) })
    }
    for (const receipt of await this.receipts(window, joined))
      add(receipt.room, ({ receipts }) => ({ receipts: [...receipts, receipt] }))
    for (const [room, typing] of this.typing(window, joined)) add(room, () => ({ typing }))
    const accountData = await this.accountData(window, allAccountData)
    for (const entry of accountData.rooms) add(entry.room, (held) => ({ accountData: [...held.accountData, entry] }))
    for (const room of await this.#recounted(window)) if (rooms.has(room)) add(room, () => ({ counts: true }))
    const events = await this.events(window, rooms)
    const changed = events === undefined ? await this.#changedRooms(window) : events.keys()
    return { events, changed, rooms: news, accountData: accountData.global }
  }

  /** Rooms with something unread, where the rules or the ignored users by which it counts changed. */
  async #recounted({ since, now, viewer }: Window): Promise<readonly RoomNumber[]> {
    const { pushRules, ignored, receipts } = this.#parts
    if (since === undefined || since.accountData >= now.accountData) return []
    const { position: rules } = await pushRules.of(viewer)
    const { position: list } = await ignored.listOf(viewer.user)
    const isNew = (position: number): boolean => position > since.accountData && position <= now.accountData
    return isNew(rules) || isNew(list) ? receipts.unreadRooms(viewer.user) : []
  }

  async #changedRooms({ since, now, viewer }: Window): Promise<readonly RoomNumber[] | undefined> {
    return since === undefined
      ? undefined
      : this.#parts.memberships.changedRoomsOfUser(viewer.user, since.events, now.events)
  }

  /** Rooms in which typing changed, with all users who type there now. Without `since`, the rooms in which anybody types. */
  typing({ since, now, ignored }: Window, rooms: readonly RoomNumber[]): ReadonlyMap<RoomNumber, readonly UserId[]> {
    const { typing } = this.#parts
    const among = new Set(rooms)
    const changed =
      since === undefined
        ? rooms.map((room) => ({ room, userIds: typing.typing(room) })).filter(({ userIds }) => userIds.length > 0)
        : since.typing < now.typing
          ? typing.changedSince(since.typing, now.typing).filter(({ room }) => among.has(room))
          : []
    return new Map(changed.map(({ room, userIds }) => [room, userIds.filter((userId) => !ignored.has(userId))]))
  }

  /** Without `since`, the newest receipts of all users. */
  async receipts({ since, now, viewer, ignored }: Window, rooms: readonly RoomNumber[]): Promise<readonly Receipt[]> {
    if (rooms.length === 0 || (since !== undefined && since.receipts >= now.receipts)) return []
    const { receipts } = this.#parts
    const moved =
      since === undefined
        ? await receipts.inRooms(rooms, viewer.userId)
        : await receipts.since(rooms, since.receipts, now.receipts, viewer.userId)
    return moved.filter(({ userId }) => userId === viewer.userId || !ignored.has(userId))
  }

  /** `all`: also what was set before the window. */
  async accountData(
    { since, now, viewer: { user } }: Window,
    all = false,
  ): Promise<Awaited<ReturnType<AccountDataReader['since']>>> {
    const { accountData } = this.#parts
    if (since === undefined || all)
      return { global: await accountData.allGlobal(user), rooms: await accountData.allInRooms(user) }
    if (since.accountData >= now.accountData) return { global: [], rooms: [] }
    return accountData.since(user, since.accountData, now.accountData)
  }

  /** Everything that the user set for one room. */
  accountDataInRoom({ user }: EventsViewer, room: RoomNumber): Promise<readonly RoomAccountDataEntry[]> {
    return this.#parts.accountData.allInRooms(user, [room])
  }

  /** Events by room; undefined without `since`, and where memory does not reach back to it. */
  async events(
    { since, now }: Window,
    rooms: RoomsOfUser,
  ): Promise<ReadonlyMap<RoomNumber, readonly StoredEvent[]> | undefined> {
    if (since === undefined) return undefined
    const events = await this.#parts.recent.between(since.events, now.events)
    if (events === undefined) return undefined
    const byRoom = new Map<RoomNumber, StoredEvent[]>()
    for (const event of events) {
      if (!rooms.has(event.room)) continue
      const held = byRoom.get(event.room)
      if (held === undefined) byRoom.set(event.room, [event])
      else held.push(event)
    }
    return byRoom
  }
}
