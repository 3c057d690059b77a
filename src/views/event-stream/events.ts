import { type Clock, type LongText, type Pending, yieldToEventLoop } from '#base'
import type { RoomId } from '#spec'
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
  type ToldPositions,
} from '#streams'
import type { RoomViewer } from '../events/viewer.ts'
import { END, START } from '../history/old-range.ts'
import { OTHER_STREAMS, type OtherItems } from './other-items.ts'
import type { RoomItems } from './room-items.ts'
import type { StreamScope, StreamScopes } from './scope.ts'
import { earlierOf, placeNow, type StreamPlace, streamPlace } from './stream-token.ts'

export interface EventStreamParts {
  readonly clock: Clock
  readonly streams: Streams
  readonly scopes: StreamScopes
  readonly roomItems: RoomItems
  readonly otherItems: OtherItems
}

/** `GET /events`, tokens as the client wrote them. */
export interface EventsRequest {
  readonly viewer: RoomViewer
  /** undefined: all rooms of the viewer, and their own account data. */
  readonly roomId: RoomId | undefined
  readonly from: string | undefined
  readonly to: string | undefined
  /** Whether `START` and `END` are tokens, with `START` as the default of `from`, as in the document of 2015. Otherwise the default is now. */
  readonly words: boolean
  readonly limit: number | undefined
  readonly timeoutMs: number
}

/** The most items of one answer; also the default. */
const MAX_ITEMS = 500

interface Answer {
  readonly texts: readonly string[]
  readonly end: ToldPositions
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
  since: ToldPositions
  /** The room that is read without membership. */
  peeked: number | undefined
}

/** `GET /events`: everything that a user is told, in one stream, read from the same streams as `/sync`. */
export class EventStream {
  readonly #parts: EventStreamParts
  readonly #source: PollSource<Reading> = {
    poll: (reading) => this.#poll(reading),
    listener: ({ request, peeked }) => (peeked === undefined ? request.viewer.user : listenerInRoom(peeked)),
    rooms: async ({ request, peeked }) =>
      peeked === undefined ? this.#parts.scopes.joinedRooms(request.viewer) : [peeked],
    // This stream tells of no profiles.
    concerns: (_, { stream }) => stream !== 'profiles',
  }

  constructor(parts: EventStreamParts) {
    this.#parts = parts
  }

  /**
   * The answer's JSON text; where there is no news and the request has time, the answer that comes later. Reads forward from `from`, or
   * backward where `to` lies before it. Throws `M_INVALID_PARAM` for a token that is not of this server, `M_FORBIDDEN` for a room that
   * the user may not read.
   */
  async events(request: EventsRequest): Promise<LongText | Pending<LongText>> {
    const { streams, clock } = this.#parts
    const place = (text: string): Promise<StreamPlace> => streamPlace(text, streams, request.words)
    const from = await place(request.from ?? (request.words ? START : formatSyncToken(placeNow(streams.positions()))))
    const to = request.to === undefined || (request.words && request.to === END) ? undefined : await place(request.to)
    if (to !== undefined && to.positions.events < from.positions.events) return this.#backward(request, from, to)
    const reading: Reading = { request, from, to, since: from.positions, peeked: undefined }
    return LongPoll.begin({ streams, clock, source: this.#source }, reading, request.timeoutMs)
  }

  /** Throws `M_FORBIDDEN` for a room whose stream the viewer may not read. */
  async mayRead(roomId: RoomId, viewer: RoomViewer): Promise<void> {
    await this.#parts.scopes.of(viewer, roomId)
  }

  async #poll(reading: Reading): Promise<PollResult> {
    const { request, from, to } = reading
    const { streams, scopes, clock } = this.#parts
    for (;;) {
      const snapshot = streams.snapshot()
      // Streams that this one does not carry stay where the reader's token has them.
      const { toDevice, deviceLists } = from.positions
      const now = { ...snapshot.positions, toDevice, deviceLists }
      const upTo = to === undefined ? now : earlierOf(now, to.positions)
      // The reader's token equals the current positions: nothing is new, so nothing is read. A named room may have become forbidden, so it is.
      if (request.roomId === undefined && samePositions(reading.since, upTo)) {
        const text = answerText('', from.text, formatSyncToken({ ...upTo, typingIn: reading.since.typingIn ?? [] }))
        return { text, nothingBy: to === undefined ? snapshot : undefined }
      }
      const scope = await scopes.of(request.viewer, request.roomId)
      const { texts, end, more, isNews } = await this.#answer(request, scope, reading.since, upTo)
      reading.peeked = scope.peeked
      // Streams that held nothing are not read again.
      if (texts.length === 0) reading.since = end
      if (isNews || !more) {
        const text = answerText(texts.join(), from.text, formatSyncToken(end))
        return { text, nothingBy: isNews || to !== undefined ? undefined : snapshot }
      }
      await yieldToEventLoop(clock)
    }
  }

  /** Room events alone, newest first: the other streams have no order backward. */
  async #backward(request: EventsRequest, from: StreamPlace, to: StreamPlace): Promise<string> {
    const { scopes, roomItems } = this.#parts
    const { viewer } = request
    const scope = await scopes.of(viewer, request.roomId)
    const window = { after: to.positions.events, upTo: from.positions.events }
    const page = await roomItems.page({ viewer, scope, direction: 'backward', ...window, limit: limitOf(request) })
    const texts = await roomItems.texts(page.events, viewer)
    return answerText(texts.join(), from.text, page.complete ? to.text : formatPageToken(page.reached))
  }

  /** Room events first, then each other stream that fits into the limit. The others come in the next answer. */
  async #answer(request: EventsRequest, scope: StreamScope, since: ToldPositions, upTo: Positions): Promise<Answer> {
    const { roomItems, otherItems } = this.#parts
    const { viewer, roomId } = request
    const limit = limitOf(request)
    const window = { after: since.events, upTo: upTo.events }
    const page = await roomItems.page({ viewer, scope, direction: 'forward', ...window, limit })
    const texts = await roomItems.texts(page.events, viewer)
    texts.push(...(await roomItems.newPresence(page.events, scope, viewer)))
    const end: Record<StreamName, number> & Pick<ToldPositions, 'typingIn'> = {
      ...since,
      events: Math.max(page.reached, since.events),
    }
    if (!page.complete) return { texts, end, more: true, isNews: texts.length > 0 }
    let isNews = texts.length > 0
    let more = false
    const want = { viewer, scope, ofOneRoom: roomId !== undefined, since, now: upTo }
    for (const stream of OTHER_STREAMS) {
      const items = await otherItems.of(stream, want)
      const fits = texts.length === 0 || texts.length + items.texts.length <= limit
      more ||= !fits
      if (!fits) continue
      texts.push(...items.texts)
      isNews ||= items.isNews
      end[stream] = Math.max(since[stream], upTo[stream])
    }
    // Where typing did not fit, the reader believes what it did before.
    const isTypingTold = end.typing > since.typing
    return { texts, end: isTypingTold ? { ...end, typingIn: otherItems.typingIn(scope.present) } : end, more, isNews }
  }
}

const limitOf = ({ limit }: EventsRequest): number => Math.min(limit ?? MAX_ITEMS, MAX_ITEMS)

const answerText = (chunk: string, start: string, end: string): string =>
  `{"start":${JSON.stringify(start)},"end":${JSON.stringify(end)},"chunk":[${chunk}]}`
