import type { EventLookup, StateMap } from '#rules'
import { authEventTuples, resolveState } from '#rules'
import {
  type EventId,
  type JsonObject,
  type RoomEvent,
  type RoomId,
  type RoomVersion,
  stateTupleKey,
  type UserId,
} from '#spec'

/** An event of a scenario; the id stands for the node too. */
export interface Node {
  readonly id: string
  readonly type: string
  readonly stateKey?: string
  readonly sender: string
  readonly content?: JsonObject
}

export interface PlacedNode extends Node {
  readonly prev: readonly string[]
  /** Event ids; by default what the state before the event asks for. */
  readonly auth?: readonly string[]
  readonly ts: number
  readonly depth?: number
  readonly rejected?: boolean
}

export const idOf = (node: string): EventId => `$${node}` as EventId

export const roomIdFor = (version: RoomVersion): RoomId =>
  (version.roomIdIsCreateHash ? '!CREATE' : '!room:example.com') as RoomId

export const eventOf = (version: RoomVersion, node: PlacedNode & { readonly auth: readonly string[] }): RoomEvent => ({
  eventId: idOf(node.id),
  roomId: roomIdFor(version),
  type: node.type,
  stateKey: node.stateKey,
  sender: node.sender as UserId,
  content: node.content ?? {},
  originServerTs: node.ts,
  depth: node.depth ?? node.ts,
  prevEvents: node.prev.map(idOf),
  authEvents: node.auth.map(idOf),
  redacts: undefined,
  rejected: node.rejected ?? false,
})

/** Resolves, and fails the test where events are missing. */
export const mustResolve = (version: RoomVersion, sets: readonly StateMap[], events: EventLookup): StateMap => {
  const resolved = resolveState(version, sets, events)
  if (!resolved.ok) throw new Error(`missing: ${resolved.failure.missing.join(' ')}`)
  return resolved.value
}

/** A room that grows event by event, with the state after each. */
export class Graph {
  readonly version: RoomVersion
  readonly events = new Map<EventId, RoomEvent>()
  readonly stateAfter = new Map<string, StateMap>()
  readonly #arrival = new Map<EventId, number>()

  constructor(version: RoomVersion) {
    this.version = version
  }

  /** Events come after what they cite; so their arrival is an order. */
  readonly ordered: EventLookup = {
    get: (eventId) => this.events.get(eventId),
    order: (eventId) => this.#arrival.get(eventId) ?? Number.NaN,
  }

  readonly unordered: EventLookup = { get: (eventId) => this.events.get(eventId) }

  stateBefore(prev: readonly string[]): StateMap {
    const states = prev.map((node) => this.stateAfter.get(node) ?? new Map<string, EventId>())
    return mustResolve(this.version, states, this.ordered)
  }

  selectAuth(node: Node, before: StateMap): string[] {
    const subject = { type: node.type, stateKey: node.stateKey, sender: node.sender, content: node.content ?? {} }
    return authEventTuples(this.version, subject).flatMap(({ type, stateKey }) => {
      const eventId = before.get(stateTupleKey(type, stateKey))
      return eventId === undefined ? [] : [eventId.slice(1)]
    })
  }

  add(node: PlacedNode, before: StateMap = this.stateBefore(node.prev)): RoomEvent {
    const auth = node.auth ?? this.selectAuth(node, before)
    const depths = node.prev.map((prev) => this.events.get(idOf(prev))?.depth ?? 0)
    const event = eventOf(this.version, { depth: Math.max(0, ...depths) + 1, ...node, auth })
    this.#arrival.set(event.eventId, this.events.size)
    this.events.set(event.eventId, event)
    const after = event.stateKey === undefined ? before : new Map(before).set(keyOf(event), event.eventId)
    this.stateAfter.set(node.id, after)
    return event
  }
}

export const keyOf = (event: RoomEvent): string => stateTupleKey(event.type, event.stateKey ?? '')

/** The state that these events make, by key. */
export const stateOf = (graph: Graph, nodes: readonly string[]): StateMap => {
  const state = new Map<string, EventId>()
  for (const node of nodes) {
    const event = graph.events.get(idOf(node))
    if (event === undefined) throw new Error(`no event ${node}`)
    state.set(keyOf(event), event.eventId)
  }
  return state
}

/** The ids in a state, without sigil, sorted: easy to compare. */
export const idsIn = (state: StateMap): string[] => [...state.values()].map((eventId) => eventId.slice(1)).sort()

/**
 * Places scenario nodes along chains, each from later to earlier. Among those whose predecessors are placed, the first
 * by id comes next and gets the next timestamp.
 */
export const placeAlong = (nodes: readonly Node[], chains: readonly (readonly string[])[]): PlacedNode[] => {
  const prev = new Map<string, Set<string>>(nodes.map(({ id }) => [id, new Set()]))
  for (const chain of chains) {
    chain.forEach((later, index) => {
      const earlier = chain[index + 1]
      if (earlier !== undefined) prev.get(later)?.add(earlier)
    })
  }
  const placed: PlacedNode[] = []
  const waiting = new Map(nodes.map((node) => [node.id, node]))
  while (waiting.size > 0) {
    const ready = [...waiting.keys()].filter((id) => ![...(prev.get(id) ?? [])].some((before) => waiting.has(before)))
    const node = waiting.get(ready.sort()[0] ?? '')
    if (node === undefined) throw new Error('the scenario has a circle')
    waiting.delete(node.id)
    placed.push({ ...node, prev: [...(prev.get(node.id) ?? [])], ts: placed.length })
  }
  return placed
}
