import type { Soon } from '#base'
import type { UserId } from '#spec'
import type {
  AccountDataEntry,
  AccountDataReader,
  MembersReader,
  Receipt,
  ReceiptsReader,
  RoomAccountDataEntry,
  RoomNumber,
  RoomSet,
  StoredEvent,
} from '#store'
import type { EventsViewer } from '../events/event-texts.ts'
import type { IgnoredLists } from '../unread/ignored-list.ts'
import type { PushRules } from '../unread/push-rules.ts'
import type { RecentEvents } from './recent-events.ts'
import type { TypingNow } from './typing-now.ts'
import { completedRooms, joinedNumbers, type RoomsOfUser } from './user-rooms.ts'
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
  /** There is too much account data to be held: it is to be read in pages. */
  readonly longAccountData: boolean
  /** The unread counts may have changed without an event or a receipt, as push rules or ignored users did. */
  readonly counts: boolean
}

/** Events of rooms, oldest first. */
export type EventsByRoom = ReadonlyMap<RoomNumber, readonly StoredEvent[]>

/** News of a user in one window, before any room is read by itself. */
export interface WindowNews {
  /** New events by room; undefined where the window begins further back than memory reaches. */
  readonly events: EventsByRoom | undefined
  /** Rooms with new events; undefined without `since`: any room may have some. */
  readonly changed: readonly RoomNumber[] | undefined
  readonly rooms: ReadonlyMap<RoomNumber, RoomNews>
  readonly accountData: readonly AccountDataEntry[]
  /** There is too much global account data to be held: it is to be read in pages. */
  readonly longAccountData: boolean
}

export const NO_ROOM_NEWS: RoomNews = {
  ...{ typing: undefined, receipts: [], accountData: [] },
  longAccountData: false,
  counts: false,
}

/** Account data of more bytes is read in pages. */
const SHORT_BYTES = 256 * 1024

/** Reads the streams of a window, each once for all rooms. Presence is read by `PresenceVisibility`. */
export class StreamNews {
  readonly #parts: StreamNewsParts

  constructor(parts: StreamNewsParts) {
    this.#parts = parts
  }

  /** All streams, by room. Without `since` nothing: see `ofRooms`. `allAccountData`: that of all rooms is read by `ofRooms` too. */
  all(window: Window, rooms: RoomsOfUser, allAccountData: boolean): Soon<WindowNews> {
    if (window.since === undefined) return NOTHING_KNOWN
    // Nearly always to somebody who waits.
    if (!hasOnlyEvents(window)) return this.#all(window, rooms, allAccountData)
    const told = (events: EventsByRoom | undefined): Soon<WindowNews> =>
      events === undefined
        ? this.#all(window, rooms, allAccountData)
        : { ...NO_ACCOUNT_DATA, events, changed: changedIn(window, rooms, [...events.keys()]), rooms: NO_NEWS }
    const events = this.events(window, rooms)
    return events instanceof Promise ? events.then(told) : told(events)
  }

  async #all(window: Window, rooms: RoomsOfUser, allAccountData: boolean): Promise<WindowNews> {
    const joined = joinedNumbers(rooms)
    const news = new Map<RoomNumber, Mutable<RoomNews>>()
    await this.#addEphemeral(news, window, joined)
    const accountData = allAccountData ? NO_ACCOUNT_DATA : await this.#shortAccountData(window, news)
    for (const room of await this.#recounted(window)) if (rooms.has(room)) roomIn(news, room).counts = true
    const events = await this.events(window, rooms)
    const known = events === undefined ? await this.#changedRooms(window) : [...events.keys()]
    const changed = known === undefined ? undefined : changedIn(window, rooms, known)
    return { events, changed, rooms: news, ...accountData }
  }

  /** The account data of a window, but for what is to be read in pages. */
  async #shortAccountData(
    window: Window,
    news: Map<RoomNumber, Mutable<RoomNews>>,
  ): Promise<Pick<WindowNews, 'accountData' | 'longAccountData'>> {
    const { since, now, viewer } = window
    if (since === undefined || since.accountData >= now.accountData) return NO_ACCOUNT_DATA
    const bytes = await this.#parts.accountData.bytesSince(viewer.user, since.accountData, now.accountData)
    if ([...bytes.values()].reduce((sum, more) => sum + more, 0) > SHORT_BYTES) {
      for (const room of bytes.keys()) if (room !== GLOBAL) roomIn(news, room).longAccountData = true
      return { accountData: [], longAccountData: bytes.has(GLOBAL) }
    }
    const { global, rooms } = await this.accountData(window)
    for (const entry of rooms) roomIn(news, entry.room).accountData.push(entry)
    return { accountData: global, longAccountData: false }
  }

  /** News of some rooms that are told from their beginning. `held` is what `all` found of them. */
  async ofRooms(
    window: Window,
    rooms: readonly RoomNumber[],
    held: WindowNews['rooms'],
  ): Promise<ReadonlyMap<RoomNumber, RoomNews>> {
    const news = new Map<RoomNumber, Mutable<RoomNews>>()
    for (const room of rooms) {
      const { receipts, ...rest } = held.get(room) ?? NO_ROOM_NEWS
      news.set(room, { ...rest, receipts: [...receipts], accountData: [] })
    }
    if (window.since === undefined) await this.#addEphemeral(news, window, rooms)
    const { accountData } = this.#parts
    const { user } = window.viewer
    const bytes = await accountData.bytesInRooms(user, rooms)
    const isLong = (room: RoomNumber): boolean => (bytes.get(room) ?? 0) > SHORT_BYTES
    for (const room of bytes.keys()) roomIn(news, room).longAccountData = isLong(room)
    const short = [...bytes.keys()].filter((room) => !isLong(room))
    if (short.length > 0)
      for (const entry of await accountData.allInRooms(user, short)) roomIn(news, entry.room).accountData.push(entry)
    return news
  }

  async #addEphemeral(
    news: Map<RoomNumber, Mutable<RoomNews>>,
    window: Window,
    rooms: readonly RoomNumber[],
  ): Promise<void> {
    for (const receipt of await this.receipts(window, rooms)) roomIn(news, receipt.room).receipts.push(receipt)
    for (const [room, typing] of this.typing(window, roomSetOf(rooms))) roomIn(news, room).typing = typing
  }

  /** Rooms with something unread, where the rules, the ignored users or the subscriptions by which it counts changed. */
  async #recounted(window: Window): Promise<readonly RoomNumber[]> {
    const { since, now, viewer } = window
    const { pushRules, ignored, receipts } = this.#parts
    if (since === undefined) return []
    const moved = await this.#movedThreads(window)
    if (since.accountData >= now.accountData) return moved
    const { position: rules } = await pushRules.of(viewer)
    const { position: list } = await ignored.listOf(viewer.user)
    const isNew = (position: number): boolean => position > since.accountData && position <= now.accountData
    return isNew(rules) || isNew(list) ? receipts.unreadRooms(viewer.user) : moved
  }

  /** Rooms in which the user subscribed to threads or unsubscribed, where their rules ask. */
  async #movedThreads({ viewer, since, now }: Window): Promise<readonly RoomNumber[]> {
    if (since === undefined || since.threadSubscriptions >= now.threadSubscriptions) return []
    const { pushRules } = this.#parts
    return (await pushRules.threadsChanged(await pushRules.of(viewer), viewer.user, since.threadSubscriptions)).rooms
  }

  async #changedRooms({ since, now, viewer }: Window): Promise<readonly RoomNumber[] | undefined> {
    return since === undefined
      ? undefined
      : this.#parts.memberships.changedRoomsOfUser(viewer.user, since.events, now.events)
  }

  /** Rooms in which typing changed, with all users who type there now. Without `since`, the rooms in which anybody types. */
  typing({ since, now, ignored }: Window, rooms: RoomSet): ReadonlyMap<RoomNumber, readonly UserId[]> {
    const { typing } = this.#parts
    const changed =
      since === undefined
        ? [...this.#typingInAny(rooms.all())]
        : since.typing < now.typing
          ? typing.changedSince(since.typing, now.typing).filter(({ room }) => rooms.has(room))
          : []
    const told = new Map(changed.map(({ room, userIds }) => [room, userIds.filter((userId) => !ignored.has(userId))]))
    // Whoever typed before a restart has stopped, and nothing says so.
    for (const room of since?.typingIn ?? [])
      if (rooms.has(room) && !told.has(room) && typing.typing(room).length === 0) told.set(room, [])
    return told
  }

  *#typingInAny(rooms: Iterable<RoomNumber>) {
    for (const room of rooms) {
      const userIds = this.#parts.typing.typing(room)
      if (userIds.length > 0) yield { room, userIds }
    }
  }

  /** For the token of an answer: the rooms in which the client now believes that somebody types. `told`: what the answer itself says. */
  typingIn(
    isPresent: (room: RoomNumber) => boolean,
    told: Iterable<readonly [RoomNumber, readonly UserId[] | undefined]>,
  ): readonly RoomNumber[] {
    const rooms = new Set<RoomNumber>()
    for (const [room, typing = []] of told) if (typing.length > 0) rooms.add(room)
    for (const room of this.#parts.typing.rooms()) if (isPresent(room)) rooms.add(room)
    return [...rooms]
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

  /** Without `since`, everything. */
  async accountData({
    since,
    now,
    viewer: { user },
  }: Window): Promise<Awaited<ReturnType<AccountDataReader['since']>>> {
    const { accountData } = this.#parts
    if (since === undefined)
      return { global: await accountData.allGlobal(user), rooms: await accountData.allInRooms(user) }
    if (since.accountData >= now.accountData) return { global: [], rooms: [] }
    return accountData.since(user, since.accountData, now.accountData)
  }

  /** Everything that the user set for one room. */
  accountDataInRoom({ user }: EventsViewer, room: RoomNumber): Promise<readonly RoomAccountDataEntry[]> {
    return this.#parts.accountData.allInRooms(user, [room])
  }

  /** Events by room; undefined without `since`, and where memory does not reach back to it. */
  events({ since, now }: Window, rooms: RoomsOfUser): Soon<EventsByRoom | undefined> {
    if (since === undefined) return undefined
    const events = this.#parts.recent.between(since.events, now.events)
    if (events instanceof Promise) return events.then((read) => this.#byRoom(read, rooms))
    return this.#byRoom(events, rooms)
  }

  #byRoom(events: readonly StoredEvent[] | undefined, rooms: RoomsOfUser): EventsByRoom | undefined {
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

/** Adds the rooms whose members came, which no event is. */
const changedIn = (
  { since, now }: Window,
  rooms: RoomsOfUser,
  changed: readonly RoomNumber[],
): readonly RoomNumber[] => {
  const completed = since === undefined ? [] : completedRooms(rooms, since.events, now.events)
  return completed.length === 0 ? changed : [...new Set([...changed, ...completed])]
}

/** The set is made when it is asked: a user may have thousands of rooms, in which nobody types. */
export const roomSetOf = (rooms: readonly RoomNumber[]): RoomSet => {
  let set: ReadonlySet<RoomNumber> | undefined
  return {
    all: () => rooms,
    has: (room) => {
      set ??= new Set(rooms)
      return set.has(room)
    },
  }
}

/** The number that stands for no room. */
const GLOBAL = 0
const NO_ACCOUNT_DATA = { accountData: [], longAccountData: false }
const NO_NEWS: WindowNews['rooms'] = new Map()
const NOTHING_KNOWN: WindowNews = { ...NO_ACCOUNT_DATA, events: undefined, changed: undefined, rooms: NO_NEWS }

/** Whether at most the stream of events moved: no receipt, no account data, and nobody's typing. */
const hasOnlyEvents = ({ since, now }: Window): boolean =>
  since !== undefined &&
  since.receipts >= now.receipts &&
  since.accountData >= now.accountData &&
  since.threadSubscriptions >= now.threadSubscriptions &&
  since.typing >= now.typing &&
  (since.typingIn?.length ?? 0) === 0

/** As it is put together. */
type Mutable<News extends RoomNews> = {
  -readonly [Name in keyof News]: News[Name] extends readonly (infer Item)[] ? Item[] : News[Name]
}

const roomIn = (news: Map<RoomNumber, Mutable<RoomNews>>, room: RoomNumber): Mutable<RoomNews> => {
  const held = news.get(room)
  if (held !== undefined) return held
  const made: Mutable<RoomNews> = { ...NO_ROOM_NEWS, receipts: [], accountData: [] }
  news.set(room, made)
  return made
}
