import { breathe, type Clock, type Pending } from '#base'
import type { RoomId, UserId } from '#spec'
import type { AccountDataReader, ReceiptsReader, StoredEvent } from '#store'
import {
  formatPageToken,
  formatSyncToken,
  LongPoll,
  type Look,
  type Looker,
  listenerInRoom,
  type Positions,
  type StreamName,
  type Streams,
  samePositions,
} from '#streams'
import type { ClientEvents } from '../client-event.ts'
import type { PresenceSight } from '../presence-sight.ts'
import { presenceText } from '../presence-text.ts'
import type { RecentEvents } from '../recent-events.ts'
import type { PresenceEntry, PresenceNow, TypingNow } from '../sync/request.ts'
import type { RoomViewer } from '../timeline-request.ts'
import type { RoomEyes } from '../visibility.ts'
import { creatorsAmong } from './creators.ts'
import { InviteTexts } from './invites.ts'
import { type RoomEventsPage, roomEvents } from './room-events.ts'
import { membershipIn, type ScopeParts, type StreamScope, StreamSight, scopeOf } from './scope.ts'
import { accountDataItem, receiptItems, roomAccountDataItem, typingItem } from './stream-items.ts'
import { END, earlierOf, START, type StreamPlace, streamPlace } from './stream-token.ts'

export interface EventStreamParts extends ScopeParts {
  readonly clock: Clock
  readonly streams: Streams
  readonly clientEvents: ClientEvents
  readonly recent: RecentEvents
  readonly accountData: AccountDataReader
  readonly receipts: ReceiptsReader
  readonly typing: TypingNow
  readonly presence: PresenceNow
  readonly presenceSight: PresenceSight
}

/** `GET /events`, tokens as the client wrote them. */
export interface EventsRequest {
  readonly viewer: RoomViewer
  /** undefined: all rooms of the viewer, and what is theirs alone. */
  readonly roomId: RoomId | undefined
  readonly from: string | undefined
  readonly to: string | undefined
  /** As in the document of 2015: `START` and `END` are tokens, and `from` is `START` where it is left off. Else it is now. */
  readonly words: boolean
  readonly limit: number | undefined
  readonly timeoutMs: number
}

/** Given at once at most, and where no limit is asked for. */
const MAX_ITEMS = 500
/** Rooms with more members do not tell who joins them of everybody's presence. */
const MAX_GREETED = 500

interface Answer {
  readonly texts: readonly string[]
  readonly end: Positions
  /** There is more before the end of the window. */
  readonly more: boolean
  /** Worth an answer: one's own presence is not, for the request itself may be what changed it. */
  readonly isNews: boolean
}

/** A request that reads forward, between its looks. */
interface Reading {
  readonly request: EventsRequest
  readonly from: StreamPlace
  readonly to: StreamPlace | undefined
  /** Where the next look begins. */
  since: Positions
  /** The room that the reader looks into without being in it. */
  peeked: number | undefined
}

/** `GET /events`: everything a user hears of, in one stream, read from the same streams as `/sync`. */
export class EventStream {
  readonly #parts: EventStreamParts
  readonly #invites: InviteTexts
  readonly #looker: Looker<Reading> = {
    look: (reading) => this.#look(reading),
    listener: ({ request, peeked }) => (peeked === undefined ? request.viewer.user : listenerInRoom(peeked)),
    rooms: async ({ request, peeked }) => (peeked === undefined ? this.#joinedRooms(request.viewer) : [peeked]),
  }

  constructor(parts: EventStreamParts) {
    this.#parts = parts
    this.#invites = new InviteTexts(parts.reader, parts.clientEvents)
  }

  /**
   * The answer's JSON text. Goes forward from `from`; where nothing came yet and the request has time, it is the one that comes later.
   * Backward where `to` lies before `from`. Throws `M_INVALID_PARAM` for a token that is none of this server's, `M_FORBIDDEN` for a
   * room the user may not read.
   */
  async events(request: EventsRequest): Promise<string | Pending<string>> {
    const { streams, clock } = this.#parts
    const now = streams.positions()
    const place = (text: string): StreamPlace => streamPlace(text, now, request.words)
    const from = place(request.from ?? (request.words ? START : formatSyncToken(now)))
    const to = request.to === undefined || (request.words && request.to === END) ? undefined : place(request.to)
    if (to !== undefined && to.positions.events < from.positions.events) return this.#backward(request, from, to)
    const reading: Reading = { request, from, to, since: from.positions, peeked: undefined }
    return LongPoll.begin({ streams, clock, looker: this.#looker }, reading, request.timeoutMs)
  }

  async #look(reading: Reading): Promise<Look> {
    const { request, from, to } = reading
    for (;;) {
      const snapshot = this.#parts.streams.snapshot()
      const upTo = to === undefined ? snapshot.positions : earlierOf(snapshot.positions, to.positions)
      // As who asks again at once finds it: nothing came. Where a room is named, whether it may be read is asked all the same.
      if (request.roomId === undefined && samePositions(reading.since, upTo)) {
        const text = answerText('', from.text, formatSyncToken(upTo))
        return { text, nothingBy: to === undefined ? snapshot : undefined }
      }
      const scope = await scopeOf(request.viewer, request.roomId, this.#parts)
      const { texts, end, more, isNews } = await this.#answer(request, scope, reading.since, upTo)
      reading.peeked = scope.peeked
      // What was looked at and held nothing is not looked at again.
      if (texts.length === 0) reading.since = end
      if (isNews || !more) {
        const text = answerText(texts.join(), from.text, formatSyncToken(end))
        return { text, nothingBy: isNews || to !== undefined ? undefined : snapshot }
      }
      await breathe(this.#parts.clock)
    }
  }

  async #joinedRooms(viewer: RoomViewer): Promise<readonly number[]> {
    const rooms = await this.#parts.userRooms.of(viewer)
    return [...rooms.values()].flatMap(({ room, membership }) => (membership === 'join' ? [room] : []))
  }

  /** Room events alone, newest first: what has no place among them cannot be read backward. */
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
    const sight = new StreamSight(request.viewer, scope, this.#parts.visibility, after)
    const limit = Math.min(request.limit ?? MAX_ITEMS, MAX_ITEMS)
    const shows = (event: StoredEvent): boolean | Promise<boolean> => sight.shows(event)
    return roomEvents({ rooms: scope.rooms, direction, after, upTo, limit, shows }, this.#parts)
  }

  /** Room events first; then each other stream as far as the limit has room for it. What has not stays for the next answer. */
  async #answer(request: EventsRequest, scope: StreamScope, since: Positions, upTo: Positions): Promise<Answer> {
    const limit = Math.min(request.limit ?? MAX_ITEMS, MAX_ITEMS)
    const page = await this.#roomEvents(request, scope, 'forward', since.events, upTo.events)
    const texts = await this.#roomTexts(page.events, request.viewer)
    const arrivals = page.events.filter(isArrival)
    if (arrivals.length > 0) {
      const faces = await this.#newFaces(arrivals, scope, request.viewer.userId)
      texts.push(...presenceItems(this.#parts.presence.ofUsers(faces), scope, request.viewer))
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
        // Of one room, where that was asked for: of its members alone.
        const window = { after: since.presence, upTo: upTo.presence, lists: roomId === undefined }
        const entries = await this.#parts.presenceSight.changed({ viewer, rooms: scope.present, ...window })
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

  /** Whom the reader meets by these events: those who joined, or all of a room that the reader joined. */
  async #newFaces(arrivals: readonly StoredEvent[], scope: StreamScope, viewer: UserId): Promise<readonly UserId[]> {
    const { reader } = this.#parts
    const faces = new Set<UserId>()
    for (const event of arrivals) {
      if (!scope.present.includes(event.room)) continue
      if (event.stateKey !== viewer) faces.add(event.stateKey as UserId)
      else if (((await reader.room(event.room))?.joinedCount ?? 0) <= MAX_GREETED) {
        for (const member of await reader.members(event.room, ['join'])) faces.add(member.userId)
      }
    }
    return [...faces]
  }

  async #roomTexts(events: readonly StoredEvent[], viewer: RoomViewer): Promise<string[]> {
    const { clientEvents, clock } = this.#parts
    const creators = await creatorsAmong(events, this.#parts.reader)
    const texts: string[] = []
    const eyes = new Map<number, RoomEyes>()
    for (const { room, replaces } of events) {
      if (replaces !== undefined && !eyes.has(room)) eyes.set(room, await this.#parts.visibility.eyes(room, viewer))
    }
    const reader = { device: viewer.device, nowMs: clock.nowMs(), creators }
    for (const event of events) {
      const hidesPrevious = eyes.get(event.room)?.hidesPrevious(event)
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

const isArrival = (event: StoredEvent): boolean => membershipIn(event) === 'join' && !wasJoined(event)

/** A changed profile is no arrival. */
const wasJoined = ({ replaces }: StoredEvent): boolean =>
  replaces !== undefined &&
  (JSON.parse(replaces.json) as { content?: { membership?: unknown } }).content?.membership === 'join'
