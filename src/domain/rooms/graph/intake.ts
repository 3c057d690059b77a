import { type EventId, type RoomEvent, stateTupleKey } from '#spec'
import type { Extremity, GraphEvent, Refusal, RoomGraphReader } from '#store'
import type { RoomTurn } from '../turns/turn.ts'
import { decisiveEntries, judgingEvents, refusalByAuthEvents, refusalByState } from './authorisation.ts'
import type { BranchStates } from './branch-states.ts'
import type { LateRedactions } from './late-redactions.ts'
import type { RoomEvents } from './room-events.ts'
import type { ReceivedEvent, ReceiveOptions, Verdict } from './room-graph.ts'
import { refOf, type StateView, viewOf } from './state-view.ts'

export interface IntakeParts {
  readonly reader: RoomGraphReader
  readonly events: RoomEvents
  readonly branches: BranchStates
  readonly redactions: LateRedactions
}

/** The part of a room's history that received events get. */
export type IntakeGoal = 'timeline' | 'history'

/** The end to which events are taken. */
export interface IntakeRequest {
  readonly goal: IntakeGoal
  readonly options: ReceiveOptions
}

/** An event whose references are known. */
interface Located {
  readonly received: ReceivedEvent
  readonly known: GraphEvent | undefined
  /** Those of `prev_events` before which the state is not known. */
  readonly gap: readonly EventId[]
}

/** The log before all rooms. */
const NO_STATE = { at: 0 }

/** Deeper than the deepest event by this much is not believed: nothing checks depths, and later events must sort behind. */
const BELIEVED_DEPTH = 1_000_000

/**
 * Takes received events in one turn of their room. An event on top of all of the room needs nothing from the store and follows others in the turn;
 * any other one is the first of its turn, as the states of branches are read from the store.
 */
export class Intake {
  readonly #parts: IntakeParts
  readonly #turn: RoomTurn
  readonly #goal: IntakeGoal
  readonly #options: ReceiveOptions
  readonly #stored = new Map<EventId, GraphEvent>()
  /** Events of this turn. */
  readonly #taken = new Map<EventId, RoomEvent>()
  /** Events of these that others refer to already, with where they stand beside the stream. */
  readonly #missing = new Map<EventId, number>()
  /** The same for what comes before these events. */
  readonly #historyAt = new Map<EventId, number>()

  constructor(turn: RoomTurn, { goal, options }: IntakeRequest, parts: IntakeParts) {
    this.#turn = turn
    this.#goal = goal
    this.#options = options
    this.#parts = parts
  }

  /** Reads what is stored of these events, and of those that they refer to. `later`: those that come with them, in another turn. */
  async begin(events: readonly ReceivedEvent[], later: readonly ReceivedEvent[]): Promise<void> {
    const ids = new Set(
      events.flatMap(({ event }) => [event.eventId, ...event.prevEvents, ...judgingEvents(this.#turn.version, event)]),
    )
    for (const stored of await this.#parts.reader.graphEvents([...ids])) this.#stored.set(stored.eventId, stored)
    const asked = this.#goal === 'history' ? [...events, ...later] : events
    const missing = await this.#parts.reader.missingAmong(
      this.#turn.live.room,
      asked.map(({ event }) => event.eventId),
    )
    for (const { eventId, historyAt } of missing) this.#missing.set(eventId, historyAt)
    if (this.#goal === 'history') this.#placeBefore(asked)
  }

  /** Fetched history stands right before the first of its successors, which are in the room, or later among these events. */
  #placeBefore(events: readonly ReceivedEvent[]): void {
    for (const { event } of events.toReversed()) {
      const at = this.#historyAtOf(event.eventId)
      if (at === undefined) continue
      for (const eventId of event.prevEvents)
        this.#historyAt.set(eventId, Math.min(at, this.#historyAt.get(eventId) ?? at))
    }
  }

  #historyAtOf(eventId: EventId): number | undefined {
    const own = this.#missing.get(eventId)
    const before = this.#historyAt.get(eventId)
    return own === undefined || before === undefined ? (own ?? before) : Math.min(own, before)
  }

  /** The verdict on one event; undefined if it has to be the first of a turn, and is not. */
  async take(received: ReceivedEvent): Promise<Verdict | undefined> {
    const { event } = received
    const located = this.#locate(received, await this.#isFirst(event))
    if ('kind' in located) return located
    const lacking = this.#lackingAuth(event)
    const unknown = received.stateBefore === undefined ? located.gap : []
    if (lacking.length > 0 || unknown.length > 0)
      return { kind: 'missing', events: [...new Set([...unknown, ...lacking])] }
    const byAuthEvents = await this.#refusalByAuthEvents(event)
    const isOnTop = byAuthEvents === undefined && this.#goal === 'timeline' && this.#isOnTop(located)
    if (isOnTop && (await this.#refusalNow(event)) === undefined) return this.#append(located)
    if (!this.#turn.empty) return undefined
    return this.#takeAlone(located, byAuthEvents)
  }

  #locate(received: ReceivedEvent, isFirst: boolean): Located | Verdict {
    const { event } = received
    if (event.roomId !== this.#turn.roomId) return { kind: 'rejected', reason: 'it is an event of another room' }
    if (event.prevEvents.length === 0 && !isFirst)
      return { kind: 'rejected', reason: 'the room has a first event already' }
    const known = this.#stored.get(event.eventId)
    if (known !== undefined && known.room !== this.#turn.live.room)
      return { kind: 'rejected', reason: 'an event of another room has its id' }
    const isPlaced = known !== undefined && known.placing !== 'outlier' && known.placing !== 'rejected'
    if (isPlaced || this.#taken.has(event.eventId)) return { kind: 'known' }
    return { received, known, gap: event.prevEvents.filter((eventId) => !this.#hasState(eventId)) }
  }

  /** Whether it is the create event that the room has, fetched with the history that begins with it. */
  async #isFirst({ eventId, prevEvents }: RoomEvent): Promise<boolean> {
    if (this.#goal !== 'history' || prevEvents.length > 0) return false
    return (await this.#turn.state('m.room.create'))?.eventId === eventId
  }

  /** Whether the state after an event is known. */
  #hasState(eventId: EventId): boolean {
    const stored = this.#stored.get(eventId)
    return this.#taken.has(eventId) || (stored?.before !== undefined && stored.room === this.#turn.live.room)
  }

  #lackingAuth(event: RoomEvent): readonly EventId[] {
    return judgingEvents(this.#turn.version, event).filter(
      (eventId) => !this.#taken.has(eventId) && !this.#stored.has(eventId),
    )
  }

  /** Events of other rooms authorise nothing here ("Authorization rules": "If there are entries which do not belong to the same room, reject"). */
  #citesOtherRoom(event: RoomEvent): boolean {
    return judgingEvents(this.#turn.version, event).some((eventId) => {
      const stored = this.#stored.get(eventId)
      return stored !== undefined && stored.room !== this.#turn.live.room
    })
  }

  async #refusalByAuthEvents(event: RoomEvent): Promise<string | undefined> {
    if (this.#citesOtherRoom(event)) return 'an auth event is of another room'
    const { version, live } = this.#turn
    const wanted = judgingEvents(version, event)
    const known = await this.#parts.events.load(
      live,
      wanted.filter((eventId) => !this.#taken.has(eventId)),
    )
    for (const eventId of wanted) {
      const taken = this.#taken.get(eventId)
      if (taken !== undefined) known.set(eventId, taken)
    }
    return refusalByAuthEvents(version, event, known)
  }

  /** Whether the event comes after all that the room has, so that the state before it is the current one. */
  #isOnTop({ received, gap }: Located): boolean {
    const { eventId, prevEvents } = received.event
    const { extremities } = this.#turn
    if (gap.length > 0 || this.#missing.has(eventId)) return false
    const cited = new Set(prevEvents)
    return cited.size === extremities.length && extremities.every((extremity) => cited.has(extremity.eventId))
  }

  /** The reason for which the current state refuses the event. */
  async #refusalNow(event: RoomEvent): Promise<string | undefined> {
    const entries = new Map<string, RoomEvent>()
    for (const { type, stateKey } of decisiveEntries(this.#turn.version, event)) {
      const entry = await this.#turn.state(type, stateKey)
      if (entry !== undefined) entries.set(stateTupleKey(type, stateKey), entry)
    }
    return refusalByState(this.#turn.version, event, (type, stateKey) => entries.get(stateTupleKey(type, stateKey)))
  }

  async #append(located: Located): Promise<Verdict | undefined> {
    const { event } = located.received
    const withheld = await this.#parts.redactions.withheld(this.#turn, event)
    if (withheld !== undefined) {
      if (!this.#turn.empty) return undefined
      return this.#withhold(located, await this.#parts.branches.current(this.#turn.live), withheld)
    }
    const json = await this.#signed(located)
    if (json === undefined) {
      if (!this.#turn.empty) return undefined
      return this.#softFail(located, await this.#parts.branches.current(this.#turn.live), 'a policy server refuses it')
    }
    const depth = this.#depthOf(located)
    const { type, stateKey } = event
    await this.#turn.take({
      ...{ event, json, depth, placing: 'timeline', known: located.known?.event },
      state: stateKey === undefined ? [] : [{ type, stateKey, entry: { event, json } }],
      extremities: [{ eventId: event.eventId, depth }],
    })
    this.#taken.set(event.eventId, event)
    await this.#parts.redactions.follow(this.#turn, { event, json })
    return { kind: 'accepted' }
  }

  async #takeAlone(located: Located, byAuthEvents: string | undefined): Promise<Verdict> {
    const { received } = located
    const { event } = received
    const { branches } = this.#parts
    const { live } = this.#turn
    const isFirst = event.prevEvents.length === 0
    const before = isFirst ? viewOf(NO_STATE) : await branches.before(live, received, this.#stored)
    const refusal = byAuthEvents ?? (await branches.refusalAt(live, before, event))
    if (refusal !== undefined) return this.#reject(located, before, refusal)
    if (this.#goal === 'history') return this.#accept(located, before)
    const refusalNow = await this.#refusalNow(event)
    if (refusalNow !== undefined) return this.#softFail(located, before, refusalNow)
    const withheld = await this.#parts.redactions.withheld(this.#turn, event)
    if (withheld !== undefined) return this.#withhold(located, before, withheld)
    const json = await this.#signed(located)
    if (json === undefined) return this.#softFail(located, before, 'a policy server refuses it')
    return this.#accept({ ...located, received: { ...received, json } }, before)
  }

  /** The event's JSON as it is stored; undefined: a policy server refuses it. */
  async #signed({ received }: Located): Promise<string | undefined> {
    const { signed } = this.#options
    return signed === undefined ? received.json : signed(received)
  }

  /** Keeps a redaction that has no effect, or none yet, from clients; what it redacts may come. */
  async #withhold(located: Located, before: StateView, reason: string): Promise<Verdict> {
    const verdict = await this.#softFail(located, before, reason)
    const { event, json } = located.received
    await this.#parts.redactions.follow(this.#turn, { event, json })
    return verdict
  }

  async #reject(located: Located, before: StateView, reason: string): Promise<Verdict> {
    const { event } = located.received
    // It is as if it was not there: what another server says of the state before it may be wrong, and an auth event may be allowed later.
    const rejected = [...event.prevEvents, ...event.authEvents].filter(
      (eventId) => this.#stored.get(eventId)?.placing === 'rejected',
    )
    const lacking = [...new Set([...located.gap, ...rejected])]
    if (located.known?.placing !== 'rejected') await this.#refuse(located, before, 'rejected', { reason, lacking })
    return { kind: 'rejected', reason }
  }

  async #softFail(located: Located, before: StateView, reason: string): Promise<Verdict> {
    await this.#refuse(located, before, 'soft-failed', { reason, lacking: [] })
    return { kind: 'soft-failed', reason }
  }

  async #refuse(
    located: Located,
    before: StateView,
    placing: 'rejected' | 'soft-failed',
    refusal: Refusal,
  ): Promise<void> {
    const { event, json } = located.received
    // An outlier that its place in the room refuses stays what it is for the states that have it.
    if (placing === 'rejected' && located.known?.placing === 'outlier') return
    await this.#turn.take({
      ...{ event, json, placing, refusal, depth: this.#depthOf(located), prior: refOf(before) },
      ...{ known: located.known?.event, state: [], extremities: this.#turn.extremities },
    })
    this.#taken.set(event.eventId, placing === 'rejected' ? { ...event, rejected: true } : event)
  }

  async #accept(located: Located, before: StateView): Promise<Verdict> {
    const { event, json } = located.received
    const { branches } = this.#parts
    const depth = this.#depthOf(located)
    const passed = await branches.passedBy(this.#turn.live, event, this.#stored)
    const isMissing = this.#missing.has(event.eventId)
    const backward = [...located.gap, ...passed.missing]
    const missing = backward.length > 0 || isMissing ? { missing: backward } : {}
    const common = { ...{ event, json, depth, known: located.known?.event }, ...missing }
    if (this.#goal === 'history') {
      await this.#turn.take({
        ...common,
        placing: 'history',
        historyAt: this.#historyAtOf(event.eventId) ?? before.at,
        prior: refOf(before),
        state: [],
        extremities: this.#turn.extremities,
      })
    } else {
      const kept = this.#turn.extremities.filter(({ eventId }) => !passed.events.has(eventId))
      const extremities: readonly Extremity[] = isMissing ? kept : [...kept, { eventId: event.eventId, depth }]
      const { state, isPlain } = await branches.changes(this.#turn, { event, json, before, extremities })
      const prior = isPlain ? {} : { prior: refOf(before) }
      await this.#turn.take({ ...common, ...prior, placing: 'timeline', state, extremities })
    }
    this.#taken.set(event.eventId, event)
    await this.#parts.redactions.follow(this.#turn, { event, json })
    return { kind: 'accepted' }
  }

  /** One more than the deepest event before it. What the event says itself counts only where those are not known. */
  #depthOf({ received, gap }: Located): number {
    const { depth, prevEvents } = received.event
    const deepest = this.#turn.extremities.reduce((most, extremity) => Math.max(most, extremity.depth), 0)
    const before = prevEvents.reduce((most, eventId) => {
      const inTurn = this.#turn.extremities.find((extremity) => extremity.eventId === eventId)
      return Math.max(most, inTurn?.depth ?? this.#stored.get(eventId)?.depth ?? 0)
    }, 0)
    const believed = gap.length === 0 ? 0 : Math.min(depth, deepest + BELIEVED_DEPTH)
    return Math.min(Math.max(before + 1, believed), Number.MAX_SAFE_INTEGER)
  }
}
