import { authoriseEvent, parsePdu, resolveState, type StateMap } from '#rules'
import { type EventId, type JsonObject, type RoomEvent, type RoomVersion, stateTupleKey } from '#spec'

export interface StoredRoom {
  readonly version: RoomVersion
  /** Signed PDUs in the order of the stream. */
  readonly pdus: readonly string[]
  /** The current state as the database says. */
  readonly state: readonly { readonly type: string; readonly stateKey: string | undefined; readonly eventId: EventId }[]
  readonly extremities: readonly EventId[]
}

/**
 * Builds the state of a room anew from its events alone, with nothing but the rules, and holds against it what is stored. Answers with
 * what is wrong: references to events that are not stored, or come later, or belong to another room; events that the state before them
 * or the events they cite do not authorise; extremities and a current state other than those that the events lead to.
 */
export class Replay {
  readonly #room: StoredRoom
  readonly #events = new Map<EventId, RoomEvent>()
  readonly #stateAfter = new Map<EventId, StateMap>()
  readonly #referenced = new Set<EventId>()
  readonly faults: string[] = []

  constructor(room: StoredRoom) {
    this.#room = room
    for (const json of room.pdus) this.#add(json)
    this.#compare()
  }

  get size(): number {
    return this.#events.size
  }

  #add(json: string): void {
    const parsed = parsePdu(this.#room.version, JSON.parse(json) as JsonObject)
    if (!parsed.ok) {
      this.faults.push(`not an event: ${JSON.stringify(parsed.failure)} in ${json}`)
      return
    }
    const { event } = parsed.value
    const dangling = this.#dangling(event)
    this.faults.push(...dangling)
    const before = this.#stateBefore(event)
    if (before !== undefined) this.#authorise(event, before)
    this.#events.set(event.eventId, event)
    for (const eventId of event.prevEvents) this.#referenced.add(eventId)
    this.#stateAfter.set(event.eventId, withEntry(before ?? new Map(), event))
  }

  #dangling(event: RoomEvent): readonly string[] {
    const isWrong = (eventId: EventId): boolean => this.#events.get(eventId)?.roomId !== event.roomId
    const named = (what: string, ids: readonly EventId[]): readonly string[] =>
      ids.filter(isWrong).map((eventId) => `${nameOf(event)}: ${what} names ${eventId}, which was not stored before it`)
    const lone =
      event.prevEvents.length === 0 && event.type !== 'm.room.create' ? [`${nameOf(event)} follows nothing`] : []
    return [...named('prev_events', event.prevEvents), ...named('auth_events', event.authEvents), ...lone]
  }

  #stateBefore(event: RoomEvent): StateMap | undefined {
    const states = event.prevEvents.flatMap((eventId) => this.#stateAfter.get(eventId) ?? [])
    // An event that follows nothing known is one fault; those that come after it are none.
    if (states.length === 0) return [...this.#stateAfter.values()].at(-1) ?? new Map()
    const resolved = resolveState(this.#room.version, states, this.#events)
    if (resolved.ok) return resolved.value
    this.faults.push(`the state before ${nameOf(event)} cannot be resolved: ${resolved.failure.missing.join()} missing`)
    return undefined
  }

  #authorise(event: RoomEvent, before: StateMap): void {
    const create = [...this.#events.values()][0]
    const cited = event.authEvents.flatMap((eventId) => this.#events.get(eventId) ?? [])
    const sources: readonly [string, (type: string, stateKey: string) => RoomEvent | undefined][] = [
      ['the state before it', (type, stateKey) => this.#at(before, type, stateKey)],
      [
        'the events it cites',
        // Since room version 12 nobody cites the create event.
        (type, stateKey) =>
          cited.find((one) => one.type === type && one.stateKey === stateKey) ??
          (type === 'm.room.create' ? create : undefined),
      ],
    ]
    for (const [source, stateAt] of sources) {
      const verdict = authoriseEvent(this.#room.version, event, stateAt)
      if (!verdict.allowed)
        this.faults.push(`${nameOf(event)} is not allowed by ${source}: ${JSON.stringify(verdict.refusal)}`)
    }
  }

  #at(state: StateMap, type: string, stateKey: string): RoomEvent | undefined {
    const eventId = state.get(stateTupleKey(type, stateKey))
    return eventId === undefined ? undefined : this.#events.get(eventId)
  }

  #compare(): void {
    const ends = [...this.#events.keys()].filter((eventId) => !this.#referenced.has(eventId))
    const stored = this.#room.extremities
    if (ends.toSorted().join() !== stored.toSorted().join())
      this.faults.push(`the events end in ${ends.join()}, the stored extremities are ${stored.join()}`)
    const states = ends.flatMap((eventId) => this.#stateAfter.get(eventId) ?? [])
    const resolved = resolveState(this.#room.version, states, this.#events)
    if (!resolved.ok) {
      this.faults.push(`the current state cannot be resolved: ${resolved.failure.missing.join()} missing`)
      return
    }
    const rest = new Map(resolved.value)
    for (const { type, stateKey = '', eventId } of this.#room.state) {
      const key = stateTupleKey(type, stateKey)
      const expected = rest.get(key)
      if (expected !== eventId)
        this.faults.push(`the state ${type} ${stateKey} is ${eventId}, a replay says ${expected ?? 'nothing'}`)
      rest.delete(key)
    }
    for (const [key, eventId] of rest) this.faults.push(`the state ${key} is not there, a replay says ${eventId}`)
  }
}

const nameOf = ({ eventId, type, stateKey, sender }: RoomEvent): string =>
  `${eventId} (${type}${stateKey === undefined ? '' : ` ${stateKey}`} by ${sender})`

const withEntry = (before: StateMap, { type, stateKey, eventId }: RoomEvent): StateMap =>
  stateKey === undefined ? before : new Map(before).set(stateTupleKey(type, stateKey), eventId)
