import type { UserId } from '#spec'
import type { Receipt, RoomAccountDataEntry, RoomNumber, RoomRecord, RoomsReader, StoredEvent } from '#store'
import { formatPageToken } from '#streams'
import { accountDataText } from '../events/account-data-text.ts'
import type { ClientEvents } from '../events/client-event.ts'
import { receiptsText } from '../events/receipts-text.ts'
import { strippedState } from '../events/stripped-state.ts'
import type { MembershipInWindow } from '../known/membership-in-window.ts'
import type { RoomFacts, RoomFactsCache } from '../known/room-facts.ts'
import type { Unread, UnreadCount } from '../known/unread-counts.ts'
import type { RoomVisibility, Visibility } from '../known/visibility.ts'
import type { SyncWindow } from './request.ts'
import type { RoomStateSection, StateWant } from './room-state.ts'
import { DEFAULT_TIMELINE_LIMIT, loadTimeline, MAX_TIMELINE_LIMIT, type TimelinePart } from './room-timeline.ts'
import { type RoomSummary, roomSummary } from './summary.ts'

/** News of a room besides its events, gathered for all rooms at once. */
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

  /** undefined where there is no news. */
  async joined(
    window: SyncWindow,
    member: MembershipInWindow,
    held: readonly StoredEvent[] | undefined,
    extras: RoomExtras,
  ): Promise<string | undefined> {
    const room = member.record.room
    const fresh = window.since === undefined || (!member.throughout && member.changed)
    const { part, visibility } = await this.#timeline(
      window,
      member,
      fresh ? undefined : held,
      fresh,
      window.now.events,
    )
    const facts = await this.#parts.facts.of(room)
    if (facts === undefined) return undefined
    const { record } = facts
    const want = this.#stateWant(window, member, part, fresh)
    const plain = await this.#parts.state.load(want)
    const summary = await this.#summary(window, record, [...plain, ...part.events], fresh)
    const state = [...plain, ...(await this.#parts.state.heroes(want, summary?.heroes ?? [], plain))]
    const shownAs = await this.#eventVisibility(window, member, facts, visibility, [...state, ...part.events])
    const ephemeral = ephemeralEvents(window, extras)
    const accountData = extras.accountData.filter(({ type }) => window.filter.roomAccountData.type(type))
    const quiet = part.events.length === 0 && !part.limited && state.length === 0
    if (quiet && ephemeral.length === 0 && accountData.length === 0 && extras.receipts.length === 0) {
      if (!fresh && !window.fullState) return undefined
    }
    const counts = await this.#parts.unread.counts({
      user: window.syncer,
      facts,
      joinedAt: member.position,
      upTo: window.now.events,
      receiptsUpTo: window.now.receipts,
      since: window.since,
      newEvents: held,
      newReceipts: extras.receipts,
    })
    const byThread = window.filter.timeline.unreadThreadNotifications
    const threads = [...counts.threads].map(([root, count]) => `${JSON.stringify(root)}:${countsText(count)}`)
    return [
      `{"timeline":${this.#timelineText(window, part, shownAs)}`,
      `"state":{"events":[${this.#texts(window, state, shownAs, 'state')}]}`,
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
    member: MembershipInWindow,
    accountData: readonly RoomAccountDataEntry[],
  ): Promise<string> {
    const fresh = window.since === undefined || member.newlyJoined
    const { part, visibility } = await this.#timeline(window, member, undefined, fresh, member.position)
    const want = this.#stateWant(window, member, part, fresh)
    const state = await this.#parts.state.load({ ...want, at: Math.min(want.at, member.leftAt ?? want.at) })
    // A user who was only ever invited learns of the end of the invite, not of the room.
    const shown = member.everJoined ? state : []
    const data = accountData.filter(({ type }) => window.filter.roomAccountData.type(type))
    return [
      `{"timeline":${this.#timelineText(window, part, visibility)}`,
      `"state":{"events":[${this.#texts(window, shown, visibility, 'state')}]}`,
      `"account_data":{"events":[${data.map(accountDataText).join()}]}}`,
    ].join()
  }

  /** `invite_state` or `knock_state`: the stripped state that tells the user what the room is ("Stripped state"). */
  async stripped(window: SyncWindow, member: MembershipInWindow, key: 'invite_state' | 'knock_state'): Promise<string> {
    const { reader, clientEvents } = this.#parts
    const { record, position } = member
    const state = await strippedState(record.room, position, window.syncer.userId, reader, clientEvents)
    return `{"${key}":{"events":[${state}]}}`
  }

  async #timeline(
    window: SyncWindow,
    member: MembershipInWindow,
    held: readonly StoredEvent[] | undefined,
    fresh: boolean,
    upTo: number,
  ): Promise<{ part: TimelinePart; visibility: RoomVisibility | undefined }> {
    const { room } = member.record
    const visibility = member.throughout ? undefined : await this.#parts.visibility.inRoom(room, window.syncer)
    const mayShow =
      visibility === undefined
        ? (event: StoredEvent) => event.stateKey !== undefined || !window.ignored.has(event.sender)
        : (event: StoredEvent) => visibility.mayShow(event) || this.#isInForce(event, member, upTo)
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
    // A room that is new to a client is shown with a gap before it: events that the client kept from earlier do not continue here.
    return { part: { ...part, limited: part.limited || (fresh && window.since !== undefined) }, visibility }
  }

  /** A member throughout the window sees everything, but for replaced state that is older than their stay. */
  async #eventVisibility(
    window: SyncWindow,
    member: MembershipInWindow,
    facts: RoomFacts,
    visibility: RoomVisibility | undefined,
    shown: readonly StoredEvent[],
  ): Promise<EventVisibility> {
    if (visibility !== undefined) return visibility
    const isOlder = ({ replaces }: StoredEvent): boolean => (replaces?.position ?? member.position) < member.position
    if (facts.isHistoryOpen || !shown.some(isOlder)) return ALL_ALONG
    const seen = await this.#parts.visibility.inRoom(member.record.room, window.syncer)
    return { ...ALL_ALONG, hidesPrevious: (event) => seen.hidesPrevious(event) }
  }

  /**
   * Members are told the state anyway, so what is in force at the window's end is shown in the timeline whenever it was sent (as Synapse
   * does). State that is newer than the window does not count: the event it replaces would be in neither part of the answer.
   */
  async #isInForce(event: StoredEvent, { membership }: MembershipInWindow, upTo: number): Promise<boolean> {
    if (membership !== 'join' || event.stateKey === undefined) return false
    const inForce = await this.#parts.reader.stateEvent(event.room, upTo, event.type, event.stateKey)
    return inForce?.eventId === event.eventId
  }

  #stateWant(window: SyncWindow, { record }: MembershipInWindow, part: TimelinePart, fresh: boolean): StateWant {
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

  /** undefined where it did not change: a client keeps what it was told. */
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

  #timelineText(window: SyncWindow, part: TimelinePart, visibility: EventVisibility | undefined): string {
    const events = this.#texts(window, part.events, visibility, 'timeline')
    return `{"events":[${events}],"limited":${part.limited},"prev_batch":"${formatPageToken(part.start)}"}`
  }

  #texts(
    window: SyncWindow,
    events: readonly StoredEvent[],
    visibility: EventVisibility | undefined,
    section: 'timeline' | 'state',
  ): string {
    const { fields, format } = window.filter
    const texts = events.map((event) => {
      if (format === 'federation') return federationText(event)
      const membership = section === 'timeline' ? visibility?.membershipAt(event) : undefined
      const hidesPrevious = visibility?.hidesPrevious(event)
      const reader = { device: window.syncer.device, nowMs: window.nowMs, membership, hidesPrevious }
      const text = this.#parts.clientEvents.text(event, reader, 'in-room')
      return fields === undefined ? text : JSON.stringify(fields(JSON.parse(text)))
    })
    return texts.join()
  }
}

/** The parts of an event's text that depend on what its reader may see. */
type EventVisibility = Pick<RoomVisibility, 'membershipAt' | 'hidesPrevious'>
const ALL_ALONG: EventVisibility = { membershipAt: () => 'join', hidesPrevious: () => false }

/** State that a summary is made of. */
const SUMMARISED_TYPES: ReadonlySet<string> = new Set(['m.room.member', 'm.room.name', 'm.room.canonical_alias'])

/** The PDU, with its id where the room version leaves it out, as a client could not refer to it otherwise (as Synapse does). */
const federationText = ({ json, eventId }: StoredEvent): string =>
  json.includes('"event_id":') ? json : `{"event_id":${JSON.stringify(eventId)},${json.slice(1)}`

const countsText = ({ notifications, highlights }: UnreadCount): string =>
  `{"notification_count":${notifications},"highlight_count":${highlights}}`

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

export type ExtrasByRoom = ReadonlyMap<RoomNumber, RoomExtras>
