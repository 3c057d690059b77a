import type { Clock, Soon } from '#base'
import type { EventMatcher } from '#rules'
import type { JsonObject } from '#spec'
import type { EventsReader, MembersReader, Receipt, RoomStateReader, StoredEvent } from '#store'
import type { EventVisibility } from '../events/event-texts.ts'
import type { Unread, UnreadCounts } from '../unread/unread-counts.ts'
import type { MembershipInWindow } from './membership-in-window.ts'
import type { RoomFacts, RoomFactsCache } from './room-facts.ts'
import { type RoomSummary, roomSummary } from './room-summary.ts'
import type { RoomVisibility } from './room-visibility.ts'
import { isAlikeForAll } from './shared-messages.ts'
import type { StateInWindow, StateWant } from './state-in-window.ts'
import type { StatePages } from './state-pages.ts'
import { type EventsRead, type TimelinePart, timelineInWindow, timelineLimit } from './timeline-in-window.ts'
import type { Visibility } from './visibility.ts'
import type { Window } from './window.ts'

export interface RoomWant {
  readonly window: Window
  readonly member: MembershipInWindow
  /** All events of the room in the window, where they are in memory. */
  readonly events: readonly StoredEvent[] | undefined
  readonly timeline: EventMatcher
  readonly state: EventMatcher
  /** Whether the whole state is wanted, not only what changed. */
  readonly fullState: boolean
  /** Whether the state at the window's end is wanted, and not that before the timeline. */
  readonly stateAfter: boolean
}

/** The part of a want that its timeline depends on. */
export type TimelineOfRoom = Pick<RoomWant, 'window' | 'member' | 'events' | 'timeline'>

/** A room's timeline for one reader. */
export interface ToldTimeline {
  readonly timeline: TimelinePart
  /** For these events of the room. undefined: not read yet, as nothing needed it. */
  visibilityOf(events: readonly StoredEvent[]): Promise<EventVisibility | undefined>
}

/** A room that the user left, up to there. */
export interface LeftRoom {
  readonly timeline: TimelinePart
  /** The state right before the timeline or at the window's end, or its news. */
  readonly state: StatePages
  /** For these events of the room. undefined: not read yet, as nothing needed it. */
  visibilityOf(events: readonly StoredEvent[]): Promise<EventVisibility | undefined>
}

/** A room that the user is joined to. */
export interface JoinedRoom extends LeftRoom {
  /** New to the client: everything is told from the beginning. */
  readonly fresh: boolean
  /** There may be state to tell, whatever is in the timeline. */
  readonly mayHaveState: boolean
  /** undefined where it did not change. */
  readonly summary: JsonObject | undefined
}

export interface RoomsInWindowParts {
  readonly reader: EventsReader & MembersReader & RoomStateReader
  readonly clock: Clock
  readonly visibility: Visibility
  readonly unread: Unread
  readonly facts: RoomFactsCache
  readonly state: StateInWindow
}

/** The facts of one room that a user is to be told in a window, as data. */
export class RoomsInWindow {
  readonly #parts: RoomsInWindowParts

  constructor(parts: RoomsInWindowParts) {
    this.#parts = parts
  }

  /** undefined for a room that is not known any more. */
  facts({ member }: Pick<RoomWant, 'member'>): Soon<RoomFacts | undefined> {
    return this.#parts.facts.of(member.record.room)
  }

  /** Whether the window's timeline reads the same to all who filter alike, and there is nothing to tell beside it. */
  isAlikeForAll(want: RoomWant, facts: RoomFacts): boolean {
    const { window, member, events, fullState, state } = want
    const { since, viewer } = window
    if (since === undefined || fullState || events === undefined) return false
    if (!isAlikeForAll({ window, member, facts, events, from: since.events })) return false
    if (!state.lazyLoadMembers) return true
    const reader = { device: viewer.device, room: member.record.room, since: since.events }
    const senders = events.map(({ sender }) => sender)
    return !state.includeRedundantMembers && this.#parts.state.hasMembers(reader, senders)
  }

  async joined(want: RoomWant, facts: RoomFacts): Promise<JoinedRoom> {
    const { window, member } = want
    const { state } = this.#parts
    const fresh = window.since === undefined || (!member.throughout && member.changed)
    const { timeline, visibility } = await this.#timeline(want, fresh, window.now.events, facts)
    const resolvedAt = facts.record.lastResolvedPosition
    const stateWant = await this.#stateWant(want, timeline, { fresh, end: window.now.events, resolvedAt })
    // Behind a gap anything may have changed.
    const gotMembers = (member.record.membersSince ?? 0) > (window.since?.events ?? 0)
    const tellsSummary = stateWant.extent !== 'none' || gotMembers || changesSummary(timeline.events)
    const summary = tellsSummary ? await this.#summary(window, facts) : undefined
    return {
      fresh,
      timeline,
      state: state.pages(stateWant, summary?.heroes),
      mayHaveState: stateWant.extent !== 'none' || stateWant.resolvedUpTo !== undefined,
      summary: summary?.json,
      visibilityOf: async (events) => visibility ?? this.#visibilityOfMember(want, facts, events),
    }
  }

  /** The timeline alone of a room that the user is joined to, for whoever tells its state in another way. `whole`: from the beginning, and not only the window's. */
  async joinedTimeline(
    want: TimelineOfRoom,
    whole: boolean,
  ): Promise<(ToldTimeline & { readonly facts: RoomFacts }) | undefined> {
    const facts = await this.facts(want)
    if (facts === undefined) return undefined
    const { timeline, visibility } = await this.#timeline(want, whole, want.window.now.events)
    return {
      facts,
      timeline,
      visibilityOf: async (events) => visibility ?? this.#visibilityOfMember(want, facts, events),
    }
  }

  /** The same of a room that the user left, up to there. */
  async leftTimeline(want: TimelineOfRoom, whole: boolean): Promise<ToldTimeline> {
    const { timeline, visibility } = await this.#timeline({ ...want, events: undefined }, whole, want.member.position)
    return { timeline, visibilityOf: async () => visibility }
  }

  async left(want: RoomWant): Promise<LeftRoom> {
    const { window, member } = want
    const fresh = window.since === undefined || member.newlyJoined
    const { timeline, visibility } = await this.#timeline({ ...want, events: undefined }, fresh, member.position)
    const stateWant = await this.#stateWant(want, timeline, { fresh, end: member.position, resolvedAt: 0 })
    const at = Math.min(stateWant.at, member.leftAt ?? stateWant.at)
    // A user who was only ever invited learns of the end of the invite, not of the room.
    const state = member.everJoined ? this.#parts.state.pages({ ...stateWant, at }) : noState()
    const isEndTold = member.everJoined && member.position <= at
    return {
      timeline,
      state: want.stateAfter && !isEndTold ? this.#withEnd(want, state) : state,
      visibilityOf: async () => visibility,
    }
  }

  /** Unread counts at the window's end. `receipts`: all of the user's in the window; undefined: they are to be read. `read`: what the timeline was made of. */
  counts(
    { window, member, events }: Pick<RoomWant, 'window' | 'member' | 'events'>,
    facts: RoomFacts,
    receipts: readonly Receipt[] | undefined,
    read?: EventsRead,
  ): Soon<UnreadCounts> {
    return this.#parts.unread.counts({
      read,
      user: window.viewer,
      facts,
      memberAt: member.position,
      upTo: window.now.events,
      receiptsUpTo: window.now.receipts,
      since: window.since,
      newEvents: events,
      newReceipts: receipts ?? [],
      allReceipts: receipts !== undefined && window.since === undefined,
    })
  }

  async #timeline(
    { window, member, events, timeline: matcher }: TimelineOfRoom,
    fresh: boolean,
    upTo: number,
    facts?: RoomFacts,
  ): Promise<{ timeline: TimelinePart; visibility: RoomVisibility | undefined }> {
    const { room } = member.record
    const { reader, clock, visibility: rule } = this.#parts
    const isSeen = seenByMember(member)
    const isExpired = await rule.expiryIn(room)
    let visibility: RoomVisibility | undefined
    let firstJoined: number | undefined
    const mayShow = (event: StoredEvent): boolean | Promise<boolean> => {
      if (isExpired(event)) return false
      if (visibility === undefined || isSeen(event))
        return event.stateKey !== undefined || !window.ignored.has(event.sender)
      return visibility.mayShow(event) || this.#isInForce(event, member, upTo)
    }
    const learn = async (shown: readonly StoredEvent[]): Promise<void> => {
      const older = shown.filter((event) => !isSeen(event))
      firstJoined ??= firstJoinAmong(shown, { window, member }, facts)
      if (older.length === 0) return
      const joined = firstJoined
      visibility ??= await rule.inRoom(
        room,
        window.viewer,
        joined === undefined ? undefined : { joined, ended: undefined },
      )
      if (joined !== undefined) visibility.assumeFirstStay(joined)
      await visibility.learn(older)
    }
    const part = await timelineInWindow(
      {
        room,
        after: fresh ? undefined : window.since?.events,
        upTo,
        limit: timelineLimit(matcher),
        matcher,
        mayShow,
        learn,
        held: fresh ? undefined : events,
      },
      reader,
      clock,
    )
    // A room that is new to a client is shown with a gap before it: events that the client kept from earlier do not continue here.
    return { timeline: { ...part, limited: part.limited || (fresh && window.since !== undefined) }, visibility }
  }

  /**
   * Members are told the state anyway, so state events in force at the window's end are shown in the timeline whenever they were sent (as
   * Synapse does). State newer than the window does not count: the event it replaces would be in neither part of the answer.
   */
  async #isInForce(event: StoredEvent, { membership }: MembershipInWindow, upTo: number): Promise<boolean> {
    if (membership !== 'join' || event.stateKey === undefined) return false
    const inForce = await this.#parts.reader.stateEvent(event.room, upTo, event.type, event.stateKey)
    return inForce?.eventId === event.eventId
  }

  /** A member throughout the window sees everything, but for replaced state that is older than their stay. */
  async #visibilityOfMember(
    { window, member }: TimelineOfRoom,
    facts: RoomFacts,
    shown: readonly StoredEvent[],
  ): Promise<EventVisibility> {
    const isOlder = ({ replaces }: StoredEvent): boolean => (replaces?.position ?? member.position) < member.position
    if (facts.isHistoryOpen || !shown.some(isOlder)) return MEMBER_THROUGHOUT
    const visibility = await this.#parts.visibility.inRoom(member.record.room, window.viewer)
    await visibility.learn(shown.filter(isOlder))
    return { ...MEMBER_THROUGHOUT, hidesPrevious: (event) => isOlder(event) && visibility.hidesPrevious(event) }
  }

  /** With the member event that ended an invite or a knock. */
  async *#withEnd({ window, member: { record, position } }: RoomWant, state: StatePages): StatePages {
    yield* state
    const { userId } = window.viewer
    const end = await this.#parts.reader.stateEvent(record.room, position, 'm.room.member', userId)
    if (end !== undefined) yield [end]
  }

  /** `end`: position of the timeline's end. `resolvedAt`: where resolution last changed the state by itself. */
  async #stateWant(
    want: RoomWant,
    timeline: TimelinePart,
    { fresh, end, resolvedAt }: { readonly fresh: boolean; readonly end: number; readonly resolvedAt: number },
  ): Promise<StateWant> {
    const { window, member, state, fullState, stateAfter } = want
    const mayHaveChanged = stateAfter ? mayChangeState(want, resolvedAt) : timeline.limited
    const { userId, device } = window.viewer
    return {
      now: window.now.events,
      knownUpTo: fresh && state.lazyLoadMembers ? await this.#knownUpTo(want) : undefined,
      room: member.record.room,
      userId,
      device,
      extent: fresh || fullState ? 'all' : mayHaveChanged ? 'changes' : 'none',
      since: window.since?.events ?? 0,
      at: stateAfter ? end : timeline.start,
      isAfter: stateAfter,
      // State that resolution changed behind the start of the timeline is in none of its events.
      ...(!stateAfter && resolvedAt > timeline.start ? { resolvedUpTo: window.now.events } : {}),
      timeline: timeline.events,
      matcher: state,
    }
  }

  /** The end of what was told of the user's last stay before the window. */
  async #knownUpTo({ window: { since, viewer }, member: { record } }: RoomWant): Promise<number | undefined> {
    if (since === undefined) return undefined
    const stay = await this.#parts.reader.lastStay(record.room, viewer.userId, since.events)
    return stay === undefined ? undefined : Math.min(stay.ended ?? since.events, since.events)
  }

  #summary({ viewer }: Window, facts: RoomFacts): Promise<RoomSummary> {
    return roomSummary(facts, viewer.userId, this.#parts.reader)
  }
}

/** Whether the user was in the room when an event was sent, as far as that is known without asking: from their newest member event on, or all the time. */
const seenByMember =
  ({ throughout, membership, position }: MembershipInWindow) =>
  (event: StoredEvent): boolean =>
    throughout || (membership === 'join' && event.position >= position)

/**
 * The position of the join with which the user's only stay began, if it is among the events and tells all about what they may see: the room's
 * history was never closed to its members, and nothing was resolved in it.
 */
const firstJoinAmong = (
  events: readonly StoredEvent[],
  { window: { viewer }, member }: Pick<TimelineOfRoom, 'window' | 'member'>,
  facts: RoomFacts | undefined,
): number | undefined => {
  const { membership, position, record } = member
  const isPlain = facts?.isHistoryOpen === true && facts.record.lastResolvedPosition === 0
  if (!isPlain || membership !== 'join' || record.position !== position) return undefined
  const isOwn = ({ type, stateKey, placing }: StoredEvent): boolean =>
    type === 'm.room.member' && stateKey === viewer.userId && placing === 'timeline'
  const own = events.find((event) => event.position === position && isOwn(event))
  return own !== undefined && own.replaces === undefined ? position : undefined
}

/** Whether something of the room's state may have changed in the window. */
const mayChangeState = ({ window: { since }, events }: RoomWant, resolvedAt: number): boolean =>
  events === undefined || resolvedAt > (since?.events ?? 0) || events.some(({ stateKey }) => stateKey !== undefined)

const MEMBER_THROUGHOUT: EventVisibility = {
  learn: async () => {},
  membershipAt: () => 'join',
  hidesPrevious: () => false,
}

/** State that a summary is made of. */
const SUMMARISED_TYPES: ReadonlySet<string> = new Set(['m.room.member', 'm.room.name', 'm.room.canonical_alias'])

const changesSummary = (shown: readonly StoredEvent[]): boolean =>
  shown.some(({ type, stateKey }) => stateKey !== undefined && SUMMARISED_TYPES.has(type))

async function* noState(): StatePages {}
