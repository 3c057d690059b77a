import type { Clock, LongText, TextPieces } from '#base'
import type { EventMatcher } from '#rules'
import type { EventId, RoomId } from '#spec'
import type { EventsReader, HistoryPlace, RoomNumber, RoomStateReader, StoredEvent } from '#store'
import { formatPageToken, formatPlaceToken, type Streams } from '#streams'
import type { EventTexts } from '../events/event-texts.ts'
import { filterable } from '../events/filterable.ts'
import { relatedFilter } from '../events/related-filter.ts'
import { type EventPages, noPages, streamedAnswer } from '../events/streamed-events.ts'
import type { RoomViewer } from '../events/viewer.ts'
import type { RoomVisibility } from '../known/room-visibility.ts'
import { statePages } from '../known/state-pages.ts'
import type { RoomAccess, Visibility } from '../known/visibility.ts'
import type { Gaps } from './gaps.ts'
import { earlierPlace, placeAfter, placeAtPosition, placeBefore, placeOf } from './places.ts'
import { accessOrNotFound, eventNotFound, seenEvent } from './seen-event.ts'
import { readPage, type TimelinePage } from './timeline-page.ts'
import { type ContextRequest, filterOf, type MessagesRequest } from './timeline-request.ts'

const MEMBERS_AT_ONCE = 20

export interface TimelineParts {
  readonly reader: EventsReader & RoomStateReader
  readonly visibility: Visibility
  readonly texts: EventTexts
  readonly clock: Clock
  readonly streams: Pick<Streams, 'reach'>
  readonly gaps: Gaps
}

/** A room's history as a user asks for it: `/messages`, `/context`, one event. Answers are JSON texts. */
export class Timeline {
  readonly #reader: EventsReader & RoomStateReader
  readonly #visibility: Visibility
  readonly #eventTexts: EventTexts
  readonly #clock: Clock
  readonly #places: Parameters<typeof placeOf>[2]
  readonly #gaps: Gaps

  constructor({ reader, visibility, texts, clock, streams, gaps }: TimelineParts) {
    this.#gaps = gaps
    this.#reader = reader
    this.#visibility = visibility
    this.#eventTexts = texts
    this.#clock = clock
    this.#places = { reader, streams }
  }

  /** Throws `M_FORBIDDEN` for a room of which the user may read nothing. */
  async mayRead(roomId: RoomId, { userId }: Pick<RoomViewer, 'userId'>): Promise<void> {
    await this.#visibility.access(roomId, userId)
  }

  /**
   * `GET /messages`. Former members read up to where they left. `end` is given with every page that held anything: whether there
   * is more before a room's first known event shows on the next request. Throws `M_FORBIDDEN`, `M_INVALID_PARAM`.
   */
  async messages(request: MessagesRequest, viewer: RoomViewer): Promise<LongText> {
    const { direction } = request
    const { matcher, limit, nothing } = filterOf(request.filter, request.limit, request.roomId)
    const access = await this.#visibility.access(request.roomId, viewer.userId)
    const room = access.record.room
    const from = await placeOf(request.from, room, this.#places)
    const to = await placeOf(request.to, room, this.#places)
    const visibility = await this.#visibility.inRoom(room, viewer)
    const want = {
      direction,
      after: direction === 'forward' ? from : to,
      upTo: direction === 'forward' ? to : from,
      limit: nothing ? 0 : limit,
      matcher,
    }
    const page = await this.#wholePage(access, visibility, want)
    const start = request.from || startOf(direction, page.first, access)
    const end = page.last === undefined ? start : formatPlaceToken(onwardPlace(direction, page.last))
    const ended = request.alwaysEnds !== true && (nothing || (page.complete && page.events.length === 0))
    const chunk = await this.#texts(page.events, viewer, visibility)
    const head = `{"start":${JSON.stringify(start)}${ended ? '' : `,"end":${JSON.stringify(end)}`},"chunk":[${chunk}]`
    if (!matcher.lazyLoadMembers) return `${head}}`
    const newest = page.events.reduce((latest, { position }) => Math.max(latest, position), 0)
    const batch = { viewer, form: viewer.form ?? 'full', visibility }
    const pages = this.#membersAt(room, newest, page.events)
    return streamedAnswer(
      { head: `${head},"state":[`, pages, batch, tail: ']}' },
      { texts: this.#eventTexts, clock: this.#clock },
    )
  }

  /** `GET /context`. Throws `M_FORBIDDEN` for a room the user may not read, `M_NOT_FOUND` for an event they may not see, `M_INVALID_PARAM`. */
  async context(request: ContextRequest, viewer: RoomViewer): Promise<TextPieces> {
    const { matcher, limit, nothing } = filterOf(request.filter, request.limit, request.roomId)
    const access = await this.#visibility.access(request.roomId, viewer.userId)
    const room = access.record.room
    const visibility = await this.#visibility.inRoom(room, viewer)
    const event = await seenEvent(request.eventId, access, visibility, this.#reader)
    const [half, rest] = nothing ? [0, 0] : [Math.floor(limit / 2), Math.ceil(limit / 2)]
    const before = await this.#wholePage(access, visibility, {
      direction: 'backward',
      upTo: placeBefore(event),
      limit: half,
      matcher,
    })
    const after = await this.#page(access, visibility, {
      direction: 'forward',
      after: placeAfter(event),
      limit: rest,
      matcher,
    })
    const shown = [...before.events, event, ...after.events]
    const newest = after.events.at(-1) ?? event
    await visibility.learn([newest])
    const pages = visibility.isInVisibleHistory(newest)
      ? this.#contextState(room, newest.position, shown, matcher)
      : noPages()
    const head =
      `{"start":"${formatPlaceToken(placeBefore(before.last ?? event))}","end":"${formatPlaceToken(placeAfter(after.last ?? event))}"` +
      `,"event":${await this.#texts([event], viewer, visibility)},"events_before":[${await this.#texts(before.events, viewer, visibility)}]` +
      `,"events_after":[${await this.#texts(after.events, viewer, visibility)}],"state":[`
    const batch = { viewer, form: viewer.form ?? 'full', visibility }
    return streamedAnswer({ head, pages, batch, tail: ']}' }, { texts: this.#eventTexts, clock: this.#clock })
  }

  /** One event of any room. Throws `M_NOT_FOUND`, as `event` does. */
  async eventAnywhere(eventId: EventId, viewer: RoomViewer): Promise<string> {
    const event = await this.#reader.event(eventId)
    if (event === undefined) throw eventNotFound()
    return this.event(event.roomId, eventId, viewer)
  }

  /** `GET /event`. Throws `M_NOT_FOUND`, also where the user may not read the room. */
  async event(roomId: RoomId, eventId: EventId, viewer: RoomViewer): Promise<string> {
    const access = await accessOrNotFound(this.#visibility, roomId, viewer.userId)
    const visibility = await this.#visibility.inRoom(access.record.room, viewer)
    return this.#texts([await seenEvent(eventId, access, visibility, this.#reader)], viewer, visibility)
  }

  /** The same as `#page`; where it ends at events that are missing here, other servers are asked for these. */
  #wholePage(access: RoomAccess, visibility: RoomVisibility, want: HistoryWant): Promise<TimelinePage> {
    const read = (): Promise<TimelinePage> => this.#page(access, visibility, want)
    if (want.direction === 'forward' || want.limit === 0) return read()
    return this.#gaps.filled(access.record, want.upTo?.depth, read)
  }

  /** Reads a page of the room's history, up to where the user's access ends. */
  async #page(
    { record, upTo: left }: RoomAccess,
    visibility: RoomVisibility,
    { direction, after, upTo, limit, matcher }: HistoryWant,
  ): Promise<TimelinePage> {
    const { room } = record
    const end = left === undefined ? upTo : earlierPlace(upTo, await placeAtPosition(room, left, this.#reader))
    const read = (last: StoredEvent | undefined, size: number): Promise<readonly StoredEvent[]> => {
      const onward = last === undefined ? undefined : onwardPlace(direction, last)
      const bounds = direction === 'forward' ? { after: onward ?? after, upTo: end } : { after, upTo: onward ?? end }
      return this.#reader.history(room, { ...bounds, direction, limit: size })
    }
    // An old branch that came late lies behind the place, and still came after the user had left. History that was fetched came at no time.
    const isBefore = ({ position, placing }: StoredEvent): boolean =>
      left === undefined || position <= left || placing === 'history'
    const related = relatedFilter(matcher, this.#reader)
    const learn = async (events: readonly StoredEvent[]): Promise<void> => {
      await visibility.learn(events)
      await related.learn(events)
    }
    const passes = (event: StoredEvent): boolean =>
      isBefore(event) && related.passes(event) && matcher.event(filterable(event)) && visibility.mayShow(event)
    return readPage({ read, limit, learn, passes }, this.#clock)
  }

  /** The state at the last event shown. With lazily loaded members, only the members who sent the events shown. */
  async *#contextState(room: RoomNumber, at: number, shown: readonly StoredEvent[], matcher: EventMatcher): EventPages {
    const members = !matcher.lazyLoadMembers
    for await (const page of statePages(this.#reader, room, { at, members }))
      yield page.filter((event) => matcher.event(filterable(event)))
    if (!members) yield* this.#membersAt(room, at, shown)
  }

  /** Member events of the events' senders, as of a position, a few at a time: each may be as large as an event can be. */
  async *#membersAt(room: RoomNumber, at: number, events: readonly StoredEvent[]): EventPages {
    const senders = [...new Set(events.map(({ sender }) => sender))]
    for (let start = 0; start < senders.length; start += MEMBERS_AT_ONCE) {
      const stateKeys = senders.slice(start, start + MEMBERS_AT_ONCE)
      yield await this.#reader.state(room, { at, types: ['m.room.member'], stateKeys })
    }
  }

  #texts(
    events: readonly StoredEvent[],
    viewer: RoomViewer,
    visibility: RoomVisibility,
    section: 'timeline' | 'state' = 'timeline',
  ): Promise<string> {
    const { form = 'full' } = viewer
    return this.#eventTexts.joined({ events, viewer, form, visibility, tellsMembership: section === 'timeline' })
  }
}

/** A range of a room's history to read, in one direction. */
interface HistoryWant {
  readonly direction: 'forward' | 'backward'
  readonly after?: HistoryPlace | undefined
  readonly upTo?: HistoryPlace | undefined
  readonly limit: number
  readonly matcher: EventMatcher
}

/** The place at which the next page begins, after that event. */
const onwardPlace = (direction: 'forward' | 'backward', last: StoredEvent): HistoryPlace =>
  direction === 'forward' ? placeAfter(last) : placeBefore(last)

const startOf = (direction: 'forward' | 'backward', first: StoredEvent | undefined, access: RoomAccess): string =>
  direction === 'backward' || first === undefined
    ? formatPageToken(access.upTo ?? access.record.lastPosition)
    : formatPlaceToken(placeBefore(first))
