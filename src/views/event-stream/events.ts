import { type Clock, type Pending, yieldToEventLoop } from '#base'
import type { RoomId, UserId } from '#spec'
import type { AccountDataReader, ReceiptsReader, StoredEvent } from '#store'
import {
  formatPageToken,
  formatSyncToken,
  LongPoll,
  listenerInRoom,
  type PollResult,
  type PollSource,
  type Positions,
  type StreamName,
  type Streams,
  samePositions,
} from '#streams'
import type { ClientEvents } from '../events/client-event.ts'
import { creatorsAmong } from '../events/creators.ts'
import type { RoomViewer } from '../events/viewer.ts'
import { END, START } from '../history/old-range.ts'
import type { RecentEvents } from '../known/recent-events.ts'
import type { TypingNow } from '../known/typing-now.ts'
import type { RoomVisibility } from '../known/visibility.ts'
import type { PresenceEntry, PresenceNow } from '../presence/presence-now.ts'
import { presenceText } from '../presence/presence-text.ts'
import type { PresenceVisibility } from '../presence/presence-visibility.ts'
import { InviteTexts } from './invites.ts'
import { type RoomEventsPage, roomEvents } from './room-events.ts'
import { membershipIn, type ScopeParts, type StreamScope, StreamVisibility, scopeOf } from './scope.ts'
import { accountDataItem, receiptItems, roomAccountDataItem, typingItem } from './stream-items.ts'
import { earlierOf, type StreamPlace, streamPlace } from './stream-token.ts'

export interface EventStreamParts extends ScopeParts {
  readonly clock: Clock
  readonly streams: Streams
  readonly clientEvents: ClientEvents
  readonly recent: RecentEvents
  readonly accountData: AccountDataReader
  readonly receipts: ReceiptsReader
  readonly typing: TypingNow
  readonly presence: PresenceNow
  readonly presenceVisibility: PresenceVisibility
}

/** `GET /events`, tokens as the client wrote them. */
export interface EventsRequest {
  readonly viewer: RoomViewer
  /** undefined: all rooms of the viewer, and their own account data. */
  readonly roomId: RoomId | undefined
  readonly from: string | undefined
  readonly to: string | undefined
  /** As in the document of 2015: `START` and `END` are tokens, and `from` is `START` by default. Otherwise the default is now. */
  readonly words: boolean
  readonly limit: number | undefined
  readonly timeoutMs: number
}

/** The most items of one answer; also the default. */
const MAX_ITEMS = 500
/** A user who joins a room with more members is not told everybody's presence. */
const MAX_MEMBERS_MET = 500

interface Answer {
  readonly texts: readonly string[]
  readonly end: Positions
  /** There is more before the end of the window. */
  readonly more: boolean
  /** Ends a wait. One's own presence does not, as the request itself may have changed it. */
  readonly isNews: boolean
}

/** A request that reads forward, between two polls. */
interface Reading {
  readonly request: EventsRequest
  readonly from: StreamPlace
  readonly to: StreamPlace | undefined
  /** Positions from which the next poll reads. */
  since: Positions
  /** The room that is read without membership. */
  peeked: number | undefined
}

/** `GET /events`: everything that a user is told, in one stream, read from the same streams as `/sync`. */
export class EventStream {
  readonly #parts: EventStreamParts
  readonly #invites: InviteTexts
  readonly #source: PollSource<Reading> = {
    poll: (reading) => this.#poll(reading),
    listener: ({ request, peeked }) => (peeked === undefined ? request.viewer.user : listenerInRoom(peeked)),
    rooms: async ({ request, peeked }) => (peeked === undefined ? this.#joinedRooms(request.viewer) : [peeked]),
  }

  constructor(parts: EventStreamParts) {
    this.#parts = parts
    this.#invites = new InviteTexts(parts)
  }

  /**
   * The answer's JSON text; where there is no news and the request has time, the answer that comes later. Reads forward from `from`, or
   * backward where `to` lies before it. Throws `M_INVALID_PARAM` for a token that is not of this server, `M_FORBIDDEN` for a room that
   * the user may not read.
   */
  async events(request: EventsRequest): Promise<string | Pending<string>> {
    const { streams, clock } = this.#parts
    const now = streams.positions()
    const place = (text: string): StreamPlace => streamPlace(text, now, request.words)
    const from = place(request.from ?? (request.words ? START : formatSyncToken(now)))
    const to = request.to === undefined || (request.words && request.to === END) ? undefined : place(request.to)
    if (to !== undefined && to.positions.events < from.positions.events) return this.#backward(request, from, to)
    const reading: Reading = { request, from, to, since: from.positions, peeked: undefined }
    return LongPoll.begin({ streams, clock, source: this.#source }, reading, request.timeoutMs)
  }

  async #poll(reading: Reading): Promise<PollResult> {
    const { request, from, to } = reading
    for (;;) {
      const snapshot = this.#parts.streams.snapshot()
      const upTo = to === undefined ? snapshot.positions : earlierOf(snapshot.positions, to.positions)
      // The reader's token equals the current positions: nothing is new, so nothing is read. A named room may have become forbidden, so it is.
      if (request.roomId === undefined && samePositions(reading.since, upTo)) {
        const text = answerText('', from.text, formatSyncToken(upTo))
        return { text, nothingBy: to === undefined ? snapshot : undefined }
      }
      const scope = await scopeOf(request.viewer, request.roomId, this.#parts)
      const { texts, end, more, isNews } = await this.#answer(request, scope, reading.since, upTo)
      reading.peeked = scope.peeked
      // Streams that held nothing are not read again.
      if (texts.length === 0) reading.since = end
      if (isNews || !more) {
        const text = answerText(texts.join(), from.text, formatSyncToken(end))
        return { text, nothingBy: isNews || to !== undefined ? undefined : snapshot }
      }
      await yieldToEventLoop(this.#parts.clock)
    }
  }

  async #joinedRooms(viewer: RoomViewer): Promise<readonly number[]> {
    const rooms = await this.#parts.userRooms.of(viewer)
    return [...rooms.values()].flatMap(({ room, membership }) => (membership === 'join' ? [room] : []))
  }

  /** Room events alone, newest first: the other streams have no order backward. */
  async #backward(request: EventsRequest, from: StreamPlace, to: StreamPlace): Promise<string> {
    const scope = await scopeOf(request.viewer, request.roomId, this.#parts)
    const page = await this.#roomEvents(request, scope, 'backward', to.positions.events, from.positions.events)
    const texts = await this.#roomTexts(page.events, request.viewer)
    return answerText(texts.join(), from.text, page.complete ? to.text : formatPageToken(page.reached))
  }

  #roomEvents(
    request: EventsRequest,
    scope: StreamScope,
    direction: 'forward' | 'backward',
    after: number,
    upTo: number,
  ): Promise<RoomEventsPage> {
    const visible = new StreamVisibility({ viewer: request.viewer, scope, visibility: this.#parts.visibility, after })
    const limit = Math.min(request.limit ?? MAX_ITEMS, MAX_ITEMS)
    const shows = (event: StoredEvent): boolean | Promise<boolean> => visible.shows(event)
    return roomEvents({ rooms: scope.rooms, direction, after, upTo, limit, shows }, this.#parts)
  }

  /** Room events first, then each other stream that fits into the limit. The others come in the next answer. */
  async #answer(request: EventsRequest, scope: StreamScope, since: Positions, upTo: Positions): Promise<Answer> {
    const limit = Math.min(request.limit ?? MAX_ITEMS, MAX_ITEMS)
    const page = await this.#roomEvents(request, scope, 'forward', since.events, upTo.events)
    const texts = await this.#roomTexts(page.events, request.viewer)
    const joins = page.events.filter(isJoin)
    if (joins.length > 0) {
      const met = await this.#newlyMet(joins, scope, request.viewer.userId)
      texts.push(...presenceItems(this.#parts.presence.ofUsers(met), scope, request.viewer))
    }
    const end: Record<StreamName, number> = { ...since, events: Math.max(page.reached, since.events) }
    if (!page.complete) return { texts, end, more: true, isNews: texts.length > 0 }
    let isNews = texts.length > 0
    let more = false
    for (const stream of ['accountData', 'receipts', 'typing', 'presence'] as const) {
      const items = since[stream] < upTo[stream] ? await this.#items(stream, request, scope, since, upTo) : NOTHING
      const fits = texts.length === 0 || texts.length + items.texts.length <= limit
      more ||= !fits
      if (!fits) continue
      texts.push(...items.texts)
      isNews ||= items.isNews
      end[stream] = Math.max(since[stream], upTo[stream])
    }
    return { texts, end, more, isNews }
  }

  async #items(
    stream: 'accountData' | 'receipts' | 'typing' | 'presence',
    { viewer, roomId }: EventsRequest,
    scope: StreamScope,
    since: Positions,
    upTo: Positions,
  ): Promise<Items> {
    switch (stream) {
      case 'accountData':
        return itemsOf(await this.#accountData(viewer, scope, since, upTo))
      case 'receipts':
        return itemsOf(await this.#receipts(viewer, scope, since, upTo))
      case 'typing':
        return itemsOf(this.#typing(scope, since, upTo))
      case 'presence': {
        // With a room named, only the presence of its members.
        const window = { after: since.presence, upTo: upTo.presence, lists: roomId === undefined }
        const entries = await this.#parts.presenceVisibility.changed({ viewer, rooms: scope.present, ...window })
        return {
          texts: presenceItems(entries, scope, viewer),
          isNews: entries.some(({ userId }) => userId !== viewer.userId),
        }
      }
    }
  }

  async #accountData(
    viewer: RoomViewer,
    scope: StreamScope,
    since: Positions,
    upTo: Positions,
  ): Promise<readonly string[]> {
    const changed = await this.#parts.accountData.since(viewer.user, since.accountData, upTo.accountData)
    const inRooms = changed.rooms.flatMap((entry) => {
      const roomId = scope.rooms.get(entry.room)?.roomId
      return roomId === undefined ? [] : [roomAccountDataItem(roomId, entry)]
    })
    return [...changed.global.map(accountDataItem), ...inRooms]
  }

  async #receipts(
    viewer: RoomViewer,
    scope: StreamScope,
    since: Positions,
    upTo: Positions,
  ): Promise<readonly string[]> {
    if (scope.present.length === 0) return []
    const moved = await this.#parts.receipts.since(scope.present, since.receipts, upTo.receipts, viewer.userId)
    const shown = moved.filter(({ userId }) => !scope.ignored.has(userId))
    return receiptItems(shown, (room) => scope.rooms.get(room)?.roomId)
  }

  #typing(scope: StreamScope, since: Positions, upTo: Positions): readonly string[] {
    const present = new Set(scope.present)
    return this.#parts.typing.changedSince(since.typing, upTo.typing).flatMap(({ room, userIds }) => {
      const roomId = scope.rooms.get(room)?.roomId
      if (roomId === undefined || !present.has(room)) return []
      return [
        typingItem(
          roomId,
          userIds.filter((userId) => !scope.ignored.has(userId)),
        ),
      ]
    })
  }

  /** Users whom the reader shares a room with since these events: those who joined, or all of a room that the reader joined. */
  async #newlyMet(joins: readonly StoredEvent[], scope: StreamScope, viewer: UserId): Promise<readonly UserId[]> {
    const { reader } = this.#parts
    const met = new Set<UserId>()
    for (const event of joins) {
      if (!scope.present.includes(event.room)) continue
      if (event.stateKey !== viewer) met.add(event.stateKey as UserId)
      else if (((await reader.room(event.room))?.joinedCount ?? 0) <= MAX_MEMBERS_MET) {
        for (const member of await reader.members(event.room, ['join'])) met.add(member.userId)
      }
    }
    return [...met]
  }

  async #roomTexts(events: readonly StoredEvent[], viewer: RoomViewer): Promise<string[]> {
    const { clientEvents, clock } = this.#parts
    const creators = await creatorsAmong(events, this.#parts.reader)
    const texts: string[] = []
    const visibility = new Map<number, RoomVisibility>()
    for (const { room, replaces } of events) {
      if (replaces !== undefined && !visibility.has(room))
        visibility.set(room, await this.#parts.visibility.inRoom(room, viewer))
    }
    const reader = { device: viewer.device, nowMs: clock.nowMs(), creators }
    for (const event of events) {
      const hidesPrevious = visibility.get(event.room)?.hidesPrevious(event)
      const shownTo = hidesPrevious === undefined ? reader : { ...reader, hidesPrevious }
      const text = clientEvents.text(event, shownTo, 'old')
      texts.push(event.stateKey === viewer.userId ? await this.#invites.completed(text, event, viewer.userId) : text)
    }
    return texts
  }
}

interface Items {
  readonly texts: readonly string[]
  readonly isNews: boolean
}

const NOTHING: Items = { texts: [], isNews: false }

const itemsOf = (texts: readonly string[]): Items => ({ texts, isNews: texts.length > 0 })

const presenceItems = (entries: readonly PresenceEntry[], { ignored }: StreamScope, { form }: RoomViewer): string[] =>
  entries
    .filter(({ userId }) => !ignored.has(userId))
    .map((entry) => presenceText(entry, form === 'old' ? 'old' : 'stream'))

const answerText = (chunk: string, start: string, end: string): string =>
  `{"start":${JSON.stringify(start)},"end":${JSON.stringify(end)},"chunk":[${chunk}]}`

const isJoin = (event: StoredEvent): boolean => membershipIn(event) === 'join' && !wasJoined(event)

/** Tells a changed profile from a join. */
const wasJoined = ({ replaces }: StoredEvent): boolean =>
  replaces !== undefined &&
  (JSON.parse(replaces.json) as { content?: { membership?: unknown } }).content?.membership === 'join'
