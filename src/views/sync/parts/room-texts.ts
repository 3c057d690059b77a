import type { Soon } from '#base'
import type { CompiledFilter } from '#rules'
import { takenBackByStored } from '#rules'
import type { EventId, JsonObject } from '#spec'
import type { AccountDataEntry, AccountDataReader, RoomNumber, StoredEvent } from '#store'
import { accountDataText as entryText } from '../../events/account-data-text.ts'
import type { EventTexts, EventVisibility } from '../../events/event-texts.ts'
import { receiptsText } from '../../events/receipts-text.ts'
import { type StrippedStateParts, strippedState } from '../../events/stripped-state.ts'
import { prevBatchOf } from '../../history/prev-batch.ts'
import { accountDataPages } from '../../known/account-data-pages.ts'
import type { MembershipInWindow } from '../../known/membership-in-window.ts'
import type { RoomFacts } from '../../known/room-facts.ts'
import type { JoinedRoom, LeftRoom, RoomsInWindow, RoomWant } from '../../known/room-in-window.ts'
import type { SharedMessages, SharedMessageTexts } from '../../known/shared-messages.ts'
import type { RoomNews } from '../../known/stream-news.ts'
import type { TimelinePart } from '../../known/timeline-in-window.ts'
import type { StickyEvents } from '../../sticky/sticky-events.ts'
import type { UnreadCount, UnreadCounts } from '../../unread/unread-counts.ts'
import type { SyncWindow } from '../request.ts'

export interface RoomTextsParts extends StrippedStateParts {
  readonly texts: EventTexts
  readonly rooms: RoomsInWindow
  readonly accountData: Pick<AccountDataReader, 'page'>
  readonly sticky: StickyEvents
  readonly shared: SharedMessageTexts
}

/** The text of one room, whole or in pieces. */
export type RoomText = string | AsyncIterable<string>

/** Writes the JSON of one room in `rooms.join`, `rooms.leave`, `rooms.invite` or `rooms.knock`. */
export class RoomTexts {
  readonly #parts: RoomTextsParts
  /** Filters by numbers: users of one kind of client have one in common. */
  readonly #filters = new WeakMap<CompiledFilter, number>()
  #newestFilter = 0

  constructor(parts: RoomTextsParts) {
    this.#parts = parts
  }

  /** undefined where there is no news. In one text where no state is told but lazily loaded members, as nearly always to a client that waits. */
  joined(
    window: SyncWindow,
    member: MembershipInWindow,
    events: readonly StoredEvent[] | undefined,
    news: RoomNews,
  ): Soon<RoomText | undefined> {
    const want = wantOf(window, member, events)
    const known = this.#parts.rooms.facts(want)
    return known instanceof Promise
      ? known.then((facts) => this.#joined(window, want, news, facts))
      : this.#joined(window, want, news, known)
  }

  #joined(
    window: SyncWindow,
    want: RoomWant,
    news: RoomNews,
    facts: RoomFacts | undefined,
  ): Soon<RoomText | undefined> {
    if (facts === undefined) return undefined
    const mayShare = !news.longAccountData && !mayBeSticky(window) && this.#parts.rooms.isAlikeForAll(want, facts)
    const key = mayShare ? this.#keyOf(window, facts.record.room) : undefined
    const shared = key === undefined ? undefined : this.#parts.shared.of(key)
    if (shared !== undefined) return this.#withShared(want, facts, { window, news, shared })
    return this.#joinedAlone(window, want, news, { facts, key })
  }

  /** `key`: of the text that others may share. */
  async #joinedAlone(
    window: SyncWindow,
    want: RoomWant,
    news: RoomNews,
    { facts, key }: { readonly facts: RoomFacts; readonly key: string | undefined },
  ): Promise<RoomText | undefined> {
    const { rooms } = this.#parts
    const { member, events } = want
    const room = await rooms.joined(want, facts)
    const { timeline, mayHaveState, fresh, visibilityOf } = room
    const stickyWant = { fresh: fresh || window.fullState, told: timeline.events }
    const sticky = await this.#parts.sticky.inRoom(window, member.record.room, stickyWant)
    const hasRoomNews = timeline.events.length > 0 || timeline.limited || mayHaveState || sticky !== undefined
    const isQuiet = !hasRoomNews && isQuietBesides(window, news)
    if (isQuiet && !mayRecount(news, events) && !fresh && !window.fullState) return undefined
    const counts = await rooms.counts(want, facts, news.receipts, timeline.read)
    const rest = restText(window, news, room.summary, counts)
    if (mayHaveState || news.longAccountData || sticky !== undefined)
      return this.#long(window, member, news, { room, sticky, rest })
    const timelineText = await this.#timelineText(window, timeline, await visibilityOf(timeline.events))
    const state: string[] = []
    for await (const page of room.state) state.push(await this.#eventTexts(window, page, await visibilityOf(page)))
    const text = `{"timeline":${timelineText},"${window.stateSection}":{"events":[${state.join()}]}`
    if (key !== undefined && state.length === 0) this.#parts.shared.keep(key, { text, timeline })
    return `${text}${accountDataText(window, news)}${rest}`
  }

  /** Names all that a timeline depends on which is the same for all readers. */
  #keyOf({ since, now, filter, stateSection }: SyncWindow, room: RoomNumber): string {
    let number = this.#filters.get(filter)
    if (number === undefined) {
      number = ++this.#newestFilter
      this.#filters.set(filter, number)
    }
    return `${stateSection} ${room} ${since?.events} ${now.events} ${number}`
  }

  #withShared(
    want: RoomWant,
    facts: RoomFacts,
    { window, news, shared }: { readonly window: SyncWindow; readonly news: RoomNews; readonly shared: SharedMessages },
  ): Soon<string | undefined> {
    if (shared.timeline.events.length === 0 && isQuietBesides(window, news) && !mayRecount(news, want.events))
      return undefined
    const textOf = (counts: UnreadCounts): string =>
      `${shared.text}${accountDataText(window, news)}${restText(window, news, undefined, counts)}`
    const counts = this.#parts.rooms.counts(want, facts, news.receipts)
    return counts instanceof Promise ? counts.then(textOf) : textOf(counts)
  }

  async *#long(
    window: SyncWindow,
    member: MembershipInWindow,
    news: RoomNews,
    {
      room,
      sticky,
      rest,
    }: { room: JoinedRoom; sticky: AsyncIterable<readonly StoredEvent[]> | undefined; rest: string },
  ): AsyncGenerator<string, void, undefined> {
    yield* this.#timelineAndState(window, room)
    yield* this.#accountData(window, member, news)
    if (sticky !== undefined) yield* this.#sticky(window, room, sticky)
    yield rest
  }

  /** The section of MSC4354, to which no filter applies. */
  async *#sticky(
    window: SyncWindow,
    { visibilityOf }: JoinedRoom,
    pages: AsyncIterable<readonly StoredEvent[]>,
  ): AsyncGenerator<string, void, undefined> {
    yield ',"msc4354_sticky":{"events":['
    let comma = ''
    for await (const page of pages) {
      yield `${comma}${await this.#eventTexts(window, page, await visibilityOf(page))}`
      comma = ','
    }
    yield ']}'
  }

  /** A room that the user left, up to there. */
  async *left(window: SyncWindow, member: MembershipInWindow, news: RoomNews): AsyncGenerator<string, void, undefined> {
    yield* this.#timelineAndState(window, await this.#parts.rooms.left(wantOf(window, member, undefined)))
    yield* this.#accountData(window, member, news)
    yield '}'
  }

  async *#timelineAndState(
    window: SyncWindow,
    { timeline, state, visibilityOf }: LeftRoom,
  ): AsyncGenerator<string, void, undefined> {
    const visibility = await visibilityOf(timeline.events)
    yield `{"timeline":${await this.#timelineText(window, timeline, visibility)},"${window.stateSection}":{"events":[`
    let comma = ''
    for await (const page of state) {
      yield `${comma}${await this.#eventTexts(window, page, await visibilityOf(page))}`
      comma = ','
    }
    yield ']}'
  }

  async *#accountData(
    window: SyncWindow,
    { record: { room } }: MembershipInWindow,
    news: RoomNews,
  ): AsyncGenerator<string, void, undefined> {
    const { viewer, since, now, fullState } = window
    yield ',"account_data":{"events":['
    let comma = ''
    const isWhole = since === undefined || fullState
    const positions = isWhole ? undefined : { after: since.accountData, upTo: now.accountData }
    const pages = news.longAccountData
      ? accountDataPages(this.#parts.accountData, { user: viewer.user, room, window: positions })
      : [news.accountData]
    for await (const page of pages) {
      const texts = accountDataTexts(window, page)
      if (texts.length === 0) continue
      yield `${comma}${texts.join()}`
      comma = ','
    }
    yield ']}'
  }

  /** A room that the user left and forgot: that they left, and nothing else of it. */
  async forgotten(window: SyncWindow, { record, position }: MembershipInWindow): Promise<string> {
    const { userId } = window.viewer
    const end = await this.#parts.reader.stateEvent(record.room, position, 'm.room.member', userId)
    const shown = end !== undefined && window.filter.timeline.type(end.type) ? [end] : []
    const texts = await this.#eventTexts(window, shown, undefined)
    const state = window.stateSection === 'state' || end === undefined || !isWanted(window, end) ? [] : [end]
    const stateTexts = await this.#eventTexts(window, state, undefined)
    return `{"timeline":{"events":[${texts}],"limited":true},"${window.stateSection}":{"events":[${stateTexts}]},"account_data":{"events":[]}}`
  }

  /**
   * `invite_state` or `knock_state`: the stripped state that tells the user what the room is ("Stripped state"). The invite or knock itself is no
   * stripped event but whole: the user may see it, and clients show its time and name its id (as with Synapse).
   */
  async stripped(window: SyncWindow, member: MembershipInWindow, key: 'invite_state' | 'knock_state'): Promise<string> {
    const { record, position } = member
    const { viewer } = window
    const { texts, own } = await strippedState(record.room, position, viewer.userId, this.#parts)
    const state = own === undefined ? texts : texts.slice(0, -1)
    const whole = own === undefined ? [] : await this.#parts.texts.each({ events: [own], viewer, form: 'in-room' })
    return `{"${key}":{"events":[${[...state, ...whole].join()}]}}`
  }

  async #timelineText(
    window: SyncWindow,
    part: TimelinePart,
    visibility: EventVisibility | undefined,
  ): Promise<string> {
    const { events, limited, related } = part
    const texts = await this.#eventTexts(window, events, visibility, related)
    return `{"events":[${texts}],"limited":${limited},"prev_batch":"${prevBatchOf(part)}"}`
  }

  #eventTexts(
    { viewer, filter, since, fullState }: SyncWindow,
    events: readonly StoredEvent[],
    visibility: EventVisibility | undefined,
    related?: ReadonlySet<EventId>,
  ): Promise<string> {
    const form =
      filter.format === 'federation'
        ? ({ form: 'federation' } as const)
        : ({ form: 'in-room', fields: filter.fields } as const)
    const once = since === undefined || fullState
    const tellsMembership = related !== undefined
    return this.#parts.texts.joined({ events, viewer, visibility, tellsMembership, related, once, ...form })
  }
}

const wantOf = (
  window: SyncWindow,
  member: MembershipInWindow,
  events: readonly StoredEvent[] | undefined,
): RoomWant => {
  const { filter, fullState, stateSection } = window
  const stateAfter = stateSection !== 'state'
  return { window, member, events, timeline: filter.timeline, state: filter.state, fullState, stateAfter }
}

const mayBeSticky = ({ since, now }: SyncWindow): boolean => (since?.stickyEvents ?? 0) < now.stickyEvents

const isWanted = ({ filter: { state } }: SyncWindow, { type, sender }: StoredEvent): boolean =>
  state.type(type) && state.sender(sender)

/** Counts change by what the reader is not shown: by other rules, and by redactions that an ignored user sent or the filter leaves out. */
const mayRecount = ({ counts }: RoomNews, events: readonly StoredEvent[] | undefined): boolean =>
  counts ||
  events === undefined ||
  events.some((event) => event.type === 'm.room.redaction' || takenBackByStored(event) !== undefined)

const accountDataTexts = ({ filter }: SyncWindow, entries: readonly AccountDataEntry[]): string[] =>
  entries.filter(({ type }) => filter.roomAccountData.type(type)).map(entryText)

const accountDataText = (window: SyncWindow, { accountData }: RoomNews): string =>
  `,"account_data":{"events":[${accountDataTexts(window, accountData).join()}]}`

/** No ephemeral event and no account data is shown, and no receipt changes the counts. */
const isQuietBesides = (window: SyncWindow, news: RoomNews): boolean =>
  news.receipts.length === 0 &&
  !news.longAccountData &&
  ephemeralEvents(window, news).length === 0 &&
  accountDataTexts(window, news.accountData).length === 0

/** The end of the text of a joined room. */
const restText = (
  window: SyncWindow,
  news: RoomNews,
  summary: JsonObject | undefined,
  counts: UnreadCounts,
): string => {
  const ephemeral = ephemeralEvents(window, news)
  const unread = unreadTexts(counts, window.filter.timeline.unreadThreadNotifications)
  return `,"ephemeral":{"events":[${ephemeral.join()}]},"summary":${JSON.stringify(summary ?? {})},${unread}}`
}

const unreadTexts = ({ main, room, threads }: UnreadCounts, byThread: boolean): string => {
  const counts = `"unread_notifications":${countsText(byThread ? main : room)}`
  if (!byThread || threads.size === 0) return counts
  const ofThreads = [...threads].map(([root, count]) => `${JSON.stringify(root)}:${countsText(count)}`)
  return `${counts},"unread_thread_notifications":{${ofThreads.join()}}`
}

const countsText = ({ notifications, highlights }: UnreadCount): string =>
  `{"notification_count":${notifications},"highlight_count":${highlights}}`

const ephemeralEvents = ({ filter: { ephemeral } }: SyncWindow, { typing, receipts }: RoomNews): string[] => {
  if (ephemeral.nothing) return []
  const events: string[] = []
  if (typing !== undefined && ephemeral.type('m.typing'))
    events.push(JSON.stringify({ type: 'm.typing', content: { user_ids: typing } }))
  if (receipts.length > 0 && ephemeral.type('m.receipt')) events.push(receiptsText(receipts))
  return events
}
