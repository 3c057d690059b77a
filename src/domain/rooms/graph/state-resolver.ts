import { BoundedCache, type CacheStats, type Clock, Slices } from '#base'
import { type Conflict, type ResolutionSteps, resolveInSteps } from '#rules'
import { type EventId, parseStateTupleKey, type RoomEvent, stateTupleKey } from '#spec'
import type { RoomEvents } from './room-events.ts'
import type { Difference, RoomStates } from './room-states.ts'
import { type GraphRoom, type StateView, type ViewEntry, viewKey, withEntries } from './state-view.ts'

export interface StateResolverParts {
  readonly states: RoomStates
  readonly events: RoomEvents
  readonly clock: Clock
  readonly limitBytes: number
}

/** The longest that a resolution runs before others are served; all that are under way share it. */
const SLICE_MS = 5
/** Steps between two looks at the clock. */
const STEPS_A_LOOK = 64

/** Rounds of loading what a resolution asked for, after which something is wrong with what is stored. */
const MAX_ROUNDS = 1_000
const VIEW_BYTES = 200
const ENTRY_BYTES = 250

/** Resolves states of a room that differ; the cost is that of what differs. */
export class StateResolver {
  readonly #states: RoomStates
  readonly #events: RoomEvents
  readonly #slices: Slices
  readonly #resolved: BoundedCache<string, StateView>

  constructor({ states, events, clock, limitBytes }: StateResolverParts) {
    this.#states = states
    this.#events = events
    this.#slices = new Slices({ clock, sliceMs: SLICE_MS })
    this.#resolved = new BoundedCache({
      name: 'resolved-states',
      limitBytes,
      sizeBytes: ({ over }) => VIEW_BYTES + over.size * ENTRY_BYTES,
    })
  }

  stats(): CacheStats {
    return this.#resolved.stats()
  }

  /** The state that these resolve to ("Room versions", "State resolution"); there must be one at least. `added`: an event of theirs that is not stored yet. */
  async resolve(room: GraphRoom, views: readonly StateView[], added?: RoomEvent): Promise<StateView> {
    const distinct = new Map((await this.#states.canonical(room.room, views)).map((view) => [viewKey(view), view]))
    const [first, second] = distinct.values()
    if (first === undefined) throw new Error('no states to resolve')
    if (second === undefined) return first
    const key = `${room.room} ${[...distinct.keys()].sort().join(' ')}`
    const known = this.#resolved.get(key)
    if (known !== undefined) return known
    const resolved = await this.#resolveDistinct(room, [...distinct.values()], added)
    this.#resolved.set(key, resolved)
    return resolved
  }

  async #resolveDistinct(room: GraphRoom, views: readonly StateView[], added?: RoomEvent): Promise<StateView> {
    const differences = await this.#states.differences(room.room, views)
    if (differences.length === 0) return nearest(views, differences, new Map())
    const parts = { states: this.#states, events: this.#events, slices: this.#slices }
    const work = new Resolution({ room, views, differences, parts })
    if (added !== undefined) await work.add(added)
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const entries = await work.run()
      if (entries !== undefined) return nearest(views, differences, entries)
      await work.load()
    }
    throw new Error('state resolution lacks events that are not stored')
  }
}

/** The result as the view from which it differs least; of equal ones the newest. */
const nearest = (
  views: readonly StateView[],
  differences: readonly Difference[],
  resolved: ReadonlyMap<string, EventId>,
): StateView => {
  let best: StateView | undefined
  let bestChanges: readonly ViewEntry[] = []
  for (const [index, view] of views.entries()) {
    const changes: ViewEntry[] = []
    for (const { type, stateKey, values } of differences) {
      const eventId = resolved.get(stateTupleKey(type, stateKey))
      if (values[index] !== eventId) changes.push({ type, stateKey, eventId: eventId ?? null })
    }
    const size = changes.length + view.over.size
    const bestSize = bestChanges.length + (best?.over.size ?? 0)
    if (best !== undefined && (size > bestSize || (size === bestSize && view.at <= best.at))) continue
    best = view
    bestChanges = changes
  }
  if (best === undefined) throw new Error('no states to resolve')
  return withEntries(best, bestChanges)
}

type Tools = Omit<StateResolverParts, 'limitBytes' | 'clock'> & { readonly slices: Slices }

interface ResolutionParts {
  readonly room: GraphRoom
  readonly views: readonly StateView[]
  readonly differences: readonly Difference[]
  readonly parts: Tools
}

/** One resolution: run again and again, as the rules ask nothing of a database and say after each run what they lacked. */
class Resolution {
  readonly #room: GraphRoom
  readonly #view: StateView
  readonly #parts: Tools
  readonly #conflict: Conflict
  readonly #conflicted: ReadonlySet<string>
  readonly #events = new Map<EventId, RoomEvent>()
  /** Entries on which the states agree, as far as they were asked for. */
  readonly #agreed = new Map<string, EventId | undefined>()
  #askedEntries = new Set<string>()
  #missing: readonly EventId[] = []
  /** All entries on which the states agree; asked for only where chains differ beyond what is in conflict. */
  #all: readonly EventId[] | undefined
  #asksAll = false

  constructor({ room, views, differences, parts }: ResolutionParts) {
    this.#room = room
    this.#view = views[0] as StateView
    this.#parts = parts
    const keyed = differences.map((difference) => ({
      key: stateTupleKey(difference.type, difference.stateKey),
      values: difference.values,
    }))
    this.#conflicted = new Set(keyed.map(({ key }) => key))
    this.#conflict = {
      sets: views.map((_, index) => {
        const state = new Map<string, EventId>()
        for (const { key, values } of keyed) {
          const eventId = values[index]
          if (eventId !== undefined) state.set(key, eventId)
        }
        return state
      }),
      unconflicted: { get: (key) => this.#agreedOn(key), mayReach: () => this.#allAgreed() },
    }
  }

  /** The resolved entries among those in conflict; undefined if something has to be loaded first. */
  async run(): Promise<ReadonlyMap<string, EventId> | undefined> {
    this.#askedEntries = new Set()
    this.#asksAll = false
    const lookup = { get: (eventId: EventId) => this.#events.get(eventId) }
    const result = await this.#inSlices(resolveInSteps(this.#room.version, this.#conflict, lookup))
    this.#missing = result.ok ? [] : result.failure.missing
    const isDone = result.ok && this.#askedEntries.size === 0 && !this.#asksAll
    return isDone ? result.value : undefined
  }

  async #inSlices<Value>(steps: ResolutionSteps<Value>): Promise<Value> {
    const slice = this.#parts.slices.begin()
    for (let count = 1; ; count++) {
      const step = steps.next()
      if (step.done === true) return step.value
      if (count % STEPS_A_LOOK === 0 && slice.isOver()) await slice.next()
    }
  }

  /** Takes an event that is not stored yet. */
  async add(event: RoomEvent): Promise<void> {
    await this.#parts.events.loadChains(this.#room, event.authEvents, this.#events)
    this.#events.set(event.eventId, event)
  }

  async load(): Promise<void> {
    const { states, events } = this.#parts
    const tuples = [...this.#askedEntries].flatMap((key) => parseStateTupleKey(key) ?? [])
    const values = await states.values(this.#room.room, this.#view, tuples)
    for (const key of this.#askedEntries) this.#agreed.set(key, values.get(key))
    if (this.#asksAll) {
      const all = await states.whole(this.#room.room, this.#view)
      for (const key of this.#conflicted) all.delete(key)
      this.#all = [...all.values()]
    }
    const before = this.#events.size
    await events.loadChains(this.#room, [...this.#missing, ...(this.#asksAll ? (this.#all ?? []) : [])], this.#events)
    const isStuck = this.#events.size === before && this.#askedEntries.size === 0 && !this.#asksAll
    if (isStuck) throw new Error(`state resolution lacks ${this.#missing.join(', ')}`)
  }

  #agreedOn(key: string): EventId | undefined {
    if (this.#conflicted.has(key)) return undefined
    if (!this.#agreed.has(key)) this.#askedEntries.add(key)
    return this.#agreed.get(key)
  }

  #allAgreed(): readonly EventId[] {
    if (this.#all === undefined) this.#asksAll = true
    return this.#all ?? []
  }
}
