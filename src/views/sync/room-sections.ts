import type { JsonObject, UserId } from '#spec'
import type { Receipt, RoomAccountDataEntry, RoomNumber, RoomRecord, RoomsReader, StoredEvent } from '#store'
import { formatPageToken } from '#streams'
import type { ClientEvents } from '../client-event.ts'
import type { RoomFacts, RoomFactsCache } from '../room-facts.ts'
import { strippedState } from '../stripped-state.ts'
import type { Unread, UnreadCount } from '../unread.ts'
import type { RoomEyes, Visibility } from '../visibility.ts'
import type { SyncWindow } from './request.ts'
import type { RoomStateSection, StateWant } from './room-state.ts'
import { DEFAULT_TIMELINE_LIMIT, loadTimeline, MAX_TIMELINE_LIMIT, type TimelinePart } from './room-timeline.ts'
import type { RoomStanding } from './standing.ts'
import { type RoomSummary, roomSummary } from './summary.ts'

/** What came for a room besides its events, gathered for all rooms at once. */
export interface RoomExtras {
  readonly typing: readonly UserId[] | undefined
  readonly receipts: readonly Receipt[]
  readonly accountData: readonly RoomAccountDataEntry[]
}

export interface RoomSectionsParts {
  readonly reader: RoomsReader
  readonly clientEvents: ClientEvents
  readonly visibility: Visibility
  readonly unread: Unread
  readonly facts: RoomFactsCache
  readonly state: RoomStateSection
}

/** Builds the JSON text of one room in `rooms.join`, `rooms.leave`, `rooms.invite` or `rooms.knock`. */
export class RoomSections {
  readonly #parts: RoomSectionsParts

  constructor(parts: RoomSectionsParts) {
    this.#parts = parts
  }

  /** undefined where there is nothing to tell. */
  async joined(
    window: SyncWindow,
    standing: RoomStanding,
    held: readonly StoredEvent[] | undefined,
    extras: RoomExtras,
  ): Promise<string | undefined> {
    const room = standing.record.room
    const fresh = window.since === undefined || (!standing.throughout && standing.changed)
    const { part, eyes } = await this.#timeline(window, standing, fresh ? undefined : held, fresh, window.now.events)
    const facts = await this.#parts.facts.of(room)
    if (facts === undefined) return undefined
    const { record } = facts
    const want = this.#stateWant(window, standing, part, fresh)
    const plain = await this.#parts.state.load(want)
    const summary = await this.#summary(window, record, [...plain, ...part.events], fresh)
    const state = [...plain, ...(await this.#parts.state.heroes(want, summary?.heroes ?? [], plain))]
    const sight = await this.#sight(window, standing, facts, eyes, [...state, ...part.events])
    const ephemeral = ephemeralEvents(window, extras)
    const accountData = extras.accountData.filter(({ type }) => window.filter.roomAccountData.type(type))
    const quiet = part.events.length === 0 && !part.limited && state.length === 0
    if (quiet && ephemeral.length === 0 && accountData.length === 0 && extras.receipts.length === 0) {
      if (!fresh && !window.fullState) return undefined
    }
    const counts = await this.#parts.unread.counts({
      user: window.syncer,
      facts,
      joinedAt: standing.position,
      upTo: window.now.events,
      receiptsUpTo: window.now.receipts,
      since: window.since,
      newEvents: held,
      newReceipts: extras.receipts,
    })
    const byThread = window.filter.timeline.unreadThreadNotifications
    const threads = [...counts.threads].map(([root, count]) => `${JSON.stringify(root)}:${countsText(count)}`)
    return [
      `{"timeline":${this.#timelineText(window, part, sight)}`,
      `"state":{"events":[${this.#texts(window, state, sight, 'state')}]}`,
      `"account_data":{"events":[${accountData.map(accountDataText).join()}]}`,
      `"ephemeral":{"events":[${ephemeral.join()}]}`,
      `"summary":${JSON.stringify(summary?.json ?? {})}`,
      `"unread_notifications":${countsText(byThread ? counts.main : counts.room)}`,
      ...(byThread && threads.length > 0 ? [`"unread_thread_notifications":{${threads.join()}}`] : []),
    ]
      .join()
      .concat('}')
  }

  /** A room the user left, up to where they left it. */
  async left(
    window: SyncWindow,
    standing: RoomStanding,
    accountData: readonly RoomAccountDataEntry[],
  ): Promise<string> {
    const fresh = window.since === undefined || standing.newlyJoined
    const { part, eyes } = await this.#timeline(window, standing, undefined, fresh, standing.position)
    const want = this.#stateWant(window, standing, part, fresh)
    const state = await this.#parts.state.load({ ...want, at: Math.min(want.at, standing.leftAt ?? want.at) })
    // Who was only ever invited learns of the end of the invite, not of the room.
    const shown = standing.everJoined ? state : []
    const data = accountData.filter(({ type }) => window.filter.roomAccountData.type(type))
    return [
      `{"timeline":${this.#timelineText(window, part, eyes)}`,
      `"state":{"events":[${this.#texts(window, shown, eyes, 'state')}]}`,
      `"account_data":{"events":[${data.map(accountDataText).join()}]}}`,
    ].join()
  }

  /** `invite_state` or `knock_state`: the stripped state that tells the user what the room is ("Stripped state"). */
  async stripped(window: SyncWindow, standing: RoomStanding, key: 'invite_state' | 'knock_state'): Promise<string> {
    const { reader, clientEvents } = this.#parts
    const { record, position } = standing
    const state = await strippedState(record.room, position, window.syncer.userId, reader, clientEvents)
    return `{"${key}":{"events":[${state}]}}`
  }

  async #timeline(
    window: SyncWindow,
    standing: RoomStanding,
    held: readonly StoredEvent[] | undefined,
    fresh: boolean,
    upTo: number,
  ): Promise<{ part: TimelinePart; eyes: RoomEyes | undefined }> {
    const { room } = standing.record
    const eyes = standing.throughout ? undefined : await this.#parts.visibility.eyes(room, window.syncer)
    const mayShow =
      eyes === undefined
        ? (event: StoredEvent) => event.stateKey !== undefined || !window.ignored.has(event.sender)
        : (event: StoredEvent) => eyes.mayShow(event) || this.#isCurrent(event, standing)
    const part = await loadTimeline(
      {
        room,
        after: fresh ? undefined : window.since?.events,
        upTo,
        limit: Math.min(window.filter.timeline.limit ?? DEFAULT_TIMELINE_LIMIT, MAX_TIMELINE_LIMIT),
        matcher: window.filter.timeline,
        mayShow,
        held,
      },
      this.#parts.reader,
      this.#parts.clientEvents,
    )
    // A room that is new to a client has a gap before it: what the client may have kept of it does not go on here.
    return { part: { ...part, limited: part.limited || (fresh && window.since !== undefined) }, eyes }
  }

  /** Who was in the room all along needs no eyes, unless an event took the place of one from before their time. */
  async #sight(
    window: SyncWindow,
    standing: RoomStanding,
    facts: RoomFacts,
    eyes: RoomEyes | undefined,
    shown: readonly StoredEvent[],
  ): Promise<Sight> {
    if (eyes !== undefined) return eyes
    const isOlder = ({ replaces }: StoredEvent): boolean =>
      (replaces?.position ?? standing.position) < standing.position
    if (facts.isHistoryOpen || !shown.some(isOlder)) return ALL_ALONG
    const seen = await this.#parts.visibility.eyes(standing.record.room, window.syncer)
    return { ...ALL_ALONG, hidesPrevious: (event) => seen.hidesPrevious(event) }
  }

  /** A member is told the current state anyway, so its events are shown in the timeline whenever they were sent (as Synapse does). */
  async #isCurrent(event: StoredEvent, { membership }: RoomStanding): Promise<boolean> {
    if (membership !== 'join' || event.stateKey === undefined) return false
    const current = await this.#parts.reader.stateEvent(event.room, 'current', event.type, event.stateKey)
    return current?.eventId === event.eventId
  }

  #stateWant(window: SyncWindow, { record }: RoomStanding, part: TimelinePart, fresh: boolean): StateWant {
    const { userId, device } = window.syncer
    return {
      room: record.room,
      userId,
      device,
      extent: fresh || window.fullState ? 'all' : part.limited ? 'changes' : 'none',
      since: window.since?.events ?? 0,
      at: part.start,
      timeline: part.events,
      matcher: window.filter.state,
    }
  }

  /** Only when it may have changed: a client keeps what it was told. */
  async #summary(
    window: SyncWindow,
    record: RoomRecord,
    shown: readonly StoredEvent[],
    fresh: boolean,
  ): Promise<RoomSummary | undefined> {
    const changed = shown.some(({ type, stateKey }) => stateKey !== undefined && SUMMARISED_TYPES.has(type))
    return fresh || window.fullState || changed
      ? roomSummary(record, window.syncer.userId, this.#parts.reader)
      : undefined
  }

  #timelineText(window: SyncWindow, part: TimelinePart, sight: Sight | undefined): string {
    const events = this.#texts(window, part.events, sight, 'timeline')
    return `{"events":[${events}],"limited":${part.limited},"prev_batch":"${formatPageToken(part.start)}"}`
  }

  #texts(
    window: SyncWindow,
    events: readonly StoredEvent[],
    sight: Sight | undefined,
    section: 'timeline' | 'state',
  ): string {
    const { fields, format } = window.filter
    const texts = events.map((event) => {
      if (format === 'federation') return federationText(event)
      const membership = section === 'timeline' ? sight?.membershipAt(event) : undefined
      const hidesPrevious = sight?.hidesPrevious(event)
      const reader = { device: window.syncer.device, nowMs: window.nowMs, membership, hidesPrevious }
      const text = this.#parts.clientEvents.text(event, reader, 'in-room')
      return fields === undefined ? text : JSON.stringify(fields(JSON.parse(text)))
    })
    return texts.join()
  }
}

/** How the user sees the events of a room, as far as it differs between them. */
type Sight = Pick<RoomEyes, 'membershipAt' | 'hidesPrevious'>
const ALL_ALONG: Sight = { membershipAt: () => 'join', hidesPrevious: () => false }

/** What a summary is made of. */
const SUMMARISED_TYPES: ReadonlySet<string> = new Set(['m.room.member', 'm.room.name', 'm.room.canonical_alias'])

/** The PDU, with its id where the room version leaves it out: a client could not refer to it otherwise (as Synapse does). */
const federationText = ({ json, eventId }: StoredEvent): string =>
  json.includes('"event_id":') ? json : `{"event_id":${JSON.stringify(eventId)},${json.slice(1)}`

const countsText = ({ notifications, highlights }: UnreadCount): string =>
  `{"notification_count":${notifications},"highlight_count":${highlights}}`

export const accountDataText = ({
  type,
  contentJson,
}: {
  readonly type: string
  readonly contentJson: string
}): string => `{"type":${JSON.stringify(type)},"content":${contentJson}}`

const ephemeralEvents = (window: SyncWindow, { typing, receipts }: RoomExtras): string[] => {
  const { ephemeral } = window.filter
  const events: string[] = []
  if (typing !== undefined && ephemeral.type('m.typing'))
    events.push(
      JSON.stringify({ type: 'm.typing', content: { user_ids: typing.filter((id) => !window.ignored.has(id)) } }),
    )
  if (receipts.length > 0 && ephemeral.type('m.receipt')) events.push(receiptsText(receipts))
  return ephemeral.nothing ? [] : events
}

/** A receipt under the name that its type has for the reader. */
export type ReceiptLine = Omit<Receipt, 'type'> & { readonly type: string; readonly said?: JsonObject }

/** `m.receipt`: by event, type and user. */
export const receiptsText = (receipts: readonly ReceiptLine[]): string => {
  const content: Record<string, Record<string, Record<string, JsonObject>>> = {}
  for (const { eventId, type, userId, atMs, threadId, said } of receipts) {
    content[eventId] ??= {}
    const types = content[eventId]
    types[type] ??= {}
    types[type][userId] = { ...said, ts: atMs, ...(threadId === undefined ? {} : { thread_id: threadId }) }
  }
  return JSON.stringify({ type: 'm.receipt', content })
}

export type ExtrasByRoom = ReadonlyMap<RoomNumber, RoomExtras>
