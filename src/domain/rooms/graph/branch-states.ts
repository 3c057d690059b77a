import type { StateMap } from '#rules'
import { type EventId, parseStateTupleKey, type RoomEvent, stateTupleKey } from '#spec'
import type { Extremity, GraphEvent, RoomGraphReader, RoomRecordsReader } from '#store'
import type { LiveRoom, StateEntry } from '../turns/live-room.ts'
import type { TakenEvent } from '../turns/taken-event.ts'
import type { RoomTurn } from '../turns/turn.ts'
import { decisiveEntries, refusalByState } from './authorisation.ts'
import type { RoomEvents } from './room-events.ts'
import type { ReceivedEvent } from './room-graph.ts'
import type { RoomStates } from './room-states.ts'
import type { StateResolver } from './state-resolver.ts'
import { type GraphRoom, type StateView, type ViewEntry, viewOf, withEntries } from './state-view.ts'

export interface BranchStatesParts {
  readonly reader: RoomGraphReader & RoomRecordsReader
  readonly events: RoomEvents
  readonly states: RoomStates
  readonly resolver: StateResolver
}

type Stored = ReadonlyMap<EventId, GraphEvent>

/** The events that an event passes: those that stop to be extremities by it. */
export interface Passed {
  readonly events: ReadonlySet<EventId>
  /** Events before it, by way of refused ones, that are not stored. */
  readonly missing: readonly EventId[]
}

/** An event that is to be accepted, and what is known of its place. */
export interface Accepted {
  readonly event: RoomEvent
  readonly json: string
  readonly before: StateView
  /** All forward extremities after it. */
  readonly extremities: readonly Extremity[]
}

/** Refused events through which is looked for extremities. */
const MAX_PASSED = 1_000
/** Entries compared between rests. */
const COMPARED_AT_ONCE = 2_000

/** The states before and after events of rooms in which no change is under way. */
export class BranchStates {
  readonly #parts: BranchStatesParts

  constructor(parts: BranchStatesParts) {
    this.#parts = parts
  }

  /** The current state. */
  async current(room: GraphRoom): Promise<StateView> {
    return viewOf({ at: (await this.#parts.reader.room(room.room))?.lastPosition ?? 0 })
  }

  /** The state before a received event: resolved over the states after the events before it. */
  async before(room: GraphRoom, { event, stateBefore }: ReceivedEvent, stored: Stored): Promise<StateView> {
    const views: StateView[] = []
    if (stateBefore !== undefined) views.push(await this.#viewOfMap(room, stateBefore))
    for (const eventId of new Set(event.prevEvents)) {
      const view = await this.after(room, stored.get(eventId))
      if (view !== undefined) views.push(view)
    }
    return this.#parts.resolver.resolve(room, views)
  }

  /** The state after an event; undefined if it is not known. */
  async after(room: GraphRoom, event: GraphEvent | undefined): Promise<StateView | undefined> {
    if (event?.before === undefined || event.room !== room.room) return undefined
    if (event.isPlain && event.position !== undefined) return viewOf({ at: event.position })
    const before = viewOf(event.before)
    const { type, stateKey, eventId } = event
    if (stateKey === undefined || event.placing === 'rejected') return before
    return withEntries(before, [{ type, stateKey, eventId }])
  }

  /** The reason for which a state refuses an event. */
  async refusalAt(room: GraphRoom, view: StateView, event: RoomEvent): Promise<string | undefined> {
    const values = await this.#parts.states.values(room.room, view, decisiveEntries(room.version, event))
    const events = await this.#parts.events.load(room, values.values())
    return refusalByState(room.version, event, (type, stateKey) => {
      const eventId = values.get(stateTupleKey(type, stateKey))
      return eventId === undefined ? undefined : events.get(eventId)
    })
  }

  /** The extremities that an event passes: those that it cites, and by way of refused events those that these cite. */
  async passedBy(room: GraphRoom, event: RoomEvent, stored: Stored): Promise<Passed> {
    const { reader } = this.#parts
    const passed = new Set<EventId>(event.prevEvents)
    const missing: EventId[] = []
    let refused = [...passed].filter((eventId) => isRefused(stored.get(eventId)))
    while (refused.length > 0 && passed.size < MAX_PASSED) {
      const cited = new Set<EventId>()
      for (const one of (await this.#parts.events.load(room, refused)).values())
        for (const eventId of one.prevEvents) if (!passed.has(eventId)) cited.add(eventId)
      for (const eventId of cited) passed.add(eventId)
      const known = new Map((await reader.graphEvents([...cited])).map((one) => [one.eventId, one]))
      for (const eventId of cited) if (known.get(eventId)?.before === undefined) missing.push(eventId)
      refused = [...cited].filter((eventId) => isRefused(known.get(eventId)))
    }
    return { events: passed, missing }
  }

  /** What an accepted event makes of the current state, and whether the states before and after it are the log right before and after it. */
  async changes(
    turn: RoomTurn,
    { event, json, before, extremities }: Accepted,
  ): Promise<{ readonly state: TakenEvent['state']; readonly isPlain: boolean }> {
    const { live } = turn
    const { states, resolver } = this.#parts
    const now = await this.current(live)
    const own: readonly ViewEntry[] =
      event.stateKey === undefined ? [] : [{ type: event.type, stateKey: event.stateKey, eventId: event.eventId }]
    const isSame = (await states.differences(live.room, [now, before])).length === 0
    // On the branch that it goes on, a message changes no state: what the branches resolve to stays.
    const [only, ...further] = event.prevEvents
    const isNewest = extremities.some(({ eventId }) => eventId === event.eventId)
    const goesOn = further.length === 0 && turn.extremities.some(({ eventId }) => eventId === only)
    if (event.stateKey === undefined && isNewest && goesOn) return { state: [], isPlain: isSame }
    const views = isNewest ? [withEntries(before, own)] : []
    const others = extremities.map(({ eventId }) => eventId).filter((eventId) => eventId !== event.eventId)
    for (const stored of await this.#parts.reader.graphEvents(others)) {
      const view = await this.after(live, stored)
      if (view !== undefined) views.push(view)
    }
    const after = await resolver.resolve(live, views, event)
    const changed = await states.differences(live.room, [now, after])
    const entries = changed.map(({ type, stateKey, values }) => ({ type, stateKey, eventId: values[1] ?? null }))
    const isOwn = entries.length === own.length && entries.every(({ eventId }) => eventId === event.eventId)
    return { state: await this.#entriesOf(live, entries, { event, json }), isPlain: isSame && isOwn }
  }

  /** The entries with their events. */
  async #entriesOf(live: LiveRoom, entries: readonly ViewEntry[], own: StateEntry): Promise<TakenEvent['state']> {
    const { events, reader } = this.#parts
    const found: TakenEvent['state'][number][] = []
    for (const { type, stateKey, eventId } of entries) {
      if (eventId === null) found.push({ type, stateKey, entry: null })
      else if (eventId === own.event.eventId) found.push({ type, stateKey, entry: own })
      else {
        const [text] = await reader.eventTexts([eventId])
        const event = (await events.load(live, [eventId])).get(eventId)
        if (text === undefined || event === undefined)
          throw new Error(`the state names ${eventId}, which is not stored`)
        found.push({ type, stateKey, entry: { event, json: text.json } })
      }
    }
    return found
  }

  /** A state that another server gave, by what differs from the current one. Rejected events are in no state. */
  async #viewOfMap(room: GraphRoom, state: StateMap): Promise<StateView> {
    const now = await this.current(room)
    const current = await this.#parts.states.whole(room.room, now)
    const added = [...state].filter(([key, eventId]) => current.get(key) !== eventId)
    const allowed = await this.#allowed(
      room,
      added.map(([, eventId]) => eventId),
    )
    const entries: ViewEntry[] = []
    for (const [key, eventId] of added) {
      const tuple = parseStateTupleKey(key)
      if (tuple !== undefined && allowed.has(eventId)) entries.push({ ...tuple, eventId })
    }
    for (const [key, eventId] of current) {
      const tuple = parseStateTupleKey(key)
      const given = state.get(key)
      const isGone = given === undefined || (given !== eventId && !allowed.has(given))
      if (tuple !== undefined && isGone) entries.push({ ...tuple, eventId: null })
    }
    return withEntries(now, entries)
  }

  async #allowed(room: GraphRoom, eventIds: readonly EventId[]): Promise<ReadonlySet<EventId>> {
    const allowed = new Set<EventId>()
    for (let from = 0; from < eventIds.length; from += COMPARED_AT_ONCE)
      for (const event of await this.#parts.reader.graphEvents(eventIds.slice(from, from + COMPARED_AT_ONCE)))
        if (event.room === room.room && event.placing !== 'rejected') allowed.add(event.eventId)
    return allowed
  }
}

const isRefused = (event: GraphEvent | undefined): boolean =>
  event?.placing === 'rejected' || event?.placing === 'soft-failed'
