import type { StateMap } from '#rules'
import { authoriseEvent, createEventIdOfRoom, powerLevelsOf } from '#rules'
import type { EventId, RoomEvent, RoomVersion } from '#spec'
import { keyOf } from './state-resolution-graph.ts'

/**
 * State resolution v2 and v2.1 word by word, with no thought of cost: whole auth chains, every pair of conflicted events,
 * the next event found by looking at all that are left. What the real one answers is held against it.
 */
export const referenceResolution = (
  version: RoomVersion,
  sets: readonly StateMap[],
  events: ReadonlyMap<EventId, RoomEvent>,
): StateMap => {
  const room = new Room(version, events)
  const { unconflicted, conflicted } = split(sets)
  const full = new Set([...conflicted, ...room.authDifference(sets)])
  if (version.stateResolution === 'v2.1') for (const id of room.subgraph(conflicted)) full.add(id)

  const selected = new Set<EventId>()
  for (const id of full) if (isPowerEvent(room.event(id))) for (const each of room.within(id, full)) selected.add(each)
  const base = version.stateResolution === 'v2.1' ? new Map<string, EventId>() : unconflicted
  const partial = room.authorised(base, room.powerOrdering(selected))
  const remaining = [...full].filter((id) => !selected.has(id))
  const power = partial.get('19:m.room.power_levels')
  const resolved = room.authorised(partial, room.mainlineOrdering(remaining, power))
  return new Map([...resolved, ...unconflicted])
}

const split = (sets: readonly StateMap[]) => {
  const unconflicted = new Map<string, EventId>()
  const conflicted = new Set<EventId>()
  for (const key of new Set(sets.flatMap((state) => [...state.keys()]))) {
    const values = new Set(sets.map((state) => state.get(key)))
    const [only] = values
    if (values.size === 1 && only !== undefined) unconflicted.set(key, only)
    else for (const value of values) if (value !== undefined) conflicted.add(value)
  }
  return { unconflicted, conflicted }
}

const isPowerEvent = ({ type, stateKey, sender, content }: RoomEvent): boolean => {
  if (type === 'm.room.power_levels' || type === 'm.room.join_rules') return stateKey === ''
  if (type !== 'm.room.member' || stateKey === sender) return false
  return content.membership === 'leave' || content.membership === 'ban'
}

class Room {
  readonly #version: RoomVersion
  readonly #events: ReadonlyMap<EventId, RoomEvent>

  constructor(version: RoomVersion, events: ReadonlyMap<EventId, RoomEvent>) {
    this.#version = version
    this.#events = events
  }

  event(id: EventId): RoomEvent {
    const event = this.#events.get(id)
    if (event === undefined) throw new Error(`no event ${id}`)
    return event
  }

  #chain(id: EventId): Set<EventId> {
    const chain = new Set<EventId>()
    for (const cited of this.event(id).authEvents) {
      chain.add(cited)
      for (const further of this.#chain(cited)) chain.add(further)
    }
    return chain
  }

  authDifference(sets: readonly StateMap[]): EventId[] {
    const chains = sets.map((state) => {
      const chain = new Set(state.values())
      for (const id of state.values()) for (const cited of this.#chain(id)) chain.add(cited)
      return chain
    })
    const all = new Set(chains.flatMap((chain) => [...chain]))
    return [...all].filter((id) => !chains.every((chain) => chain.has(id)))
  }

  subgraph(conflicted: ReadonlySet<EventId>): EventId[] {
    const below = new Set([...conflicted].flatMap((id) => [...this.#chain(id)]))
    return [...below].filter((id) => [...this.#chain(id)].some((cited) => conflicted.has(cited)))
  }

  /** The event and what of its auth chain can be reached inside the set. */
  within(id: EventId, full: ReadonlySet<EventId>): Set<EventId> {
    const found = new Set([id])
    for (const cited of this.event(id).authEvents) {
      if (full.has(cited)) for (const each of this.within(cited, full)) found.add(each)
    }
    return found
  }

  #create(event: RoomEvent): RoomEvent | undefined {
    if (this.#version.roomIdIsCreateHash) return this.event(createEventIdOfRoom(event.roomId))
    return this.#cited(event, 'm.room.create', '')
  }

  #cited(event: RoomEvent, type: string, stateKey: string): RoomEvent | undefined {
    return event.authEvents.map((id) => this.event(id)).find((one) => one.type === type && one.stateKey === stateKey)
  }

  #powerLevels(event: RoomEvent): RoomEvent | undefined {
    return this.#cited(event, 'm.room.power_levels', '')
  }

  powerOrdering(selected: ReadonlySet<EventId>): EventId[] {
    const rank = (id: EventId): readonly [number, number, string] => {
      const event = this.event(id)
      const levels = powerLevelsOf(this.#version, this.#create(event), this.#powerLevels(event))
      return [-levels.ofUser(event.sender), event.originServerTs, id]
    }
    const left = new Set(selected)
    const ordered: EventId[] = []
    while (left.size > 0) {
      const ready = [...left].filter((id) => !this.event(id).authEvents.some((cited) => left.has(cited)))
      const next = ready.reduce((best, id) => (isBefore(rank(id), rank(best)) ? id : best))
      left.delete(next)
      ordered.push(next)
    }
    return ordered
  }

  mainlineOrdering(ids: readonly EventId[], power: EventId | undefined): EventId[] {
    const mainline: EventId[] = []
    for (let id = power; id !== undefined; id = this.#powerLevels(this.event(id))?.eventId) mainline.push(id)
    const position = (id: EventId): number => {
      for (let event = this.#powerLevels(this.event(id)); event !== undefined; event = this.#powerLevels(event)) {
        if (mainline.includes(event.eventId)) return mainline.indexOf(event.eventId)
      }
      return Number.POSITIVE_INFINITY
    }
    const rank = (id: EventId) => [-position(id), this.event(id).originServerTs, id] as const
    return ids.toSorted((one, other) => (isBefore(rank(one), rank(other)) ? -1 : 1))
  }

  authorised(base: StateMap, ordered: readonly EventId[]): StateMap {
    const state = new Map(base)
    for (const id of ordered) {
      const event = this.event(id)
      const verdict = authoriseEvent(this.#version, event, (type, stateKey) => {
        const inForce = state.get(`${type.length}:${type}${stateKey}`)
        if (inForce !== undefined) return this.event(inForce)
        if (type === 'm.room.create') return this.#create(event)
        const cited = this.#cited(event, type, stateKey)
        return cited?.rejected === true ? undefined : cited
      })
      if (verdict.allowed) state.set(keyOf(event), id)
    }
    return state
  }
}

const isBefore = (left: readonly [number, number, string], right: readonly [number, number, string]): boolean => {
  if (left[0] !== right[0]) return left[0] < right[0]
  if (left[1] !== right[1]) return left[1] < right[1]
  return left[2] < right[2]
}
