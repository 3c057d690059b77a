import { authEventTuples, authoriseEvent, resolveState, type StateMap } from '#rules'
import { type EventId, type RoomEvent, stateTupleKey } from '#spec'
import type { PeerDraft, PeerEvent, PeerRoom } from '../../../support/federation-peer/peer-room.ts'

const NO_STATE: StateMap = new Map()

/** Numbers from a seed: the same seed gives the same room. */
export const seeded = (seed: number): (() => number) => {
  let state = seed * 2_654_435_761 + 1
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 3_266_489_917) | 0
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32
  }
}

/** A room's history as the specification tells it, with every state as a whole map: slow, and plain. */
export class GraphModel {
  readonly peer: PeerRoom
  readonly rejected = new Set<EventId>()
  readonly #before = new Map<EventId, StateMap>()
  readonly #after = new Map<EventId, StateMap>()
  readonly #heads = new Set<EventId>()

  /** `peer` gives the room's first events, all of which are allowed. */
  constructor(peer: PeerRoom) {
    this.peer = peer
    for (const { event } of peer.events.values()) this.#take(event)
  }

  get heads(): readonly EventId[] {
    return [...this.#heads].sort()
  }

  stateBefore(eventId: EventId): StateMap {
    return this.#before.get(eventId) ?? NO_STATE
  }

  stateAfter(eventId: EventId): StateMap {
    return this.#after.get(eventId) ?? NO_STATE
  }

  get state(): StateMap {
    return this.resolved(this.heads)
  }

  /** Builds an event on these others, citing what the state before it has, and takes it; it may be refused. */
  send(draft: PeerDraft & { readonly prev: readonly EventId[] }): PeerEvent {
    const { peer } = this
    const before = this.resolved(draft.prev)
    const { type, stateKey, sender = peer.sender, content } = draft
    const auth = authEventTuples(peer.version, { type, stateKey, sender, content }).flatMap(
      (tuple) => before.get(stateTupleKey(tuple.type, tuple.stateKey)) ?? [],
    )
    const built = peer.build({ ...draft, auth })
    peer.addOutlier(built)
    this.#take(built.event)
    return built
  }

  #take(event: RoomEvent): void {
    const { eventId, type, stateKey, prevEvents } = event
    const before = this.resolved(prevEvents)
    this.#before.set(eventId, before)
    const isAllowed = this.allows(event, this.#cited(event)) && this.allows(event, before)
    if (!isAllowed) this.rejected.add(eventId)
    const changes = isAllowed && stateKey !== undefined
    this.#after.set(eventId, changes ? new Map(before).set(stateTupleKey(type, stateKey), eventId) : before)
    if (!isAllowed) return
    for (const prev of prevEvents) this.#heads.delete(prev)
    this.#heads.add(eventId)
  }

  #cited({ authEvents, roomId }: RoomEvent): StateMap {
    const ids = this.peer.version.roomIdIsCreateHash ? [...authEvents, `$${roomId.slice(1)}` as EventId] : authEvents
    const state = new Map<string, EventId>()
    for (const eventId of ids) {
      const { type, stateKey = '' } = this.peer.get(eventId).event
      state.set(stateTupleKey(type, stateKey), eventId)
    }
    return state
  }

  allows(event: RoomEvent, state: StateMap): boolean {
    return authoriseEvent(this.peer.version, event, (type, stateKey) => {
      const eventId = state.get(stateTupleKey(type, stateKey))
      return eventId === undefined ? undefined : this.peer.get(eventId).event
    }).allowed
  }

  /** The state to which the states after these events resolve. */
  resolved(prev: readonly EventId[]): StateMap {
    const states = prev.map((eventId) => this.stateAfter(eventId))
    const resolved = resolveState(this.peer.version, states, this.peer.lookup)
    if (!resolved.ok) throw new Error(`the model lacks ${resolved.failure.missing.join(', ')}`)
    return resolved.value
  }
}

/** What one server makes of the events in the order in which they come to it. */
export class Arrivals {
  readonly verdicts = new Map<EventId, 'accepted' | 'soft-failed' | 'rejected'>()
  readonly #model: GraphModel
  readonly #accepted = new Set<EventId>()

  constructor(model: GraphModel, before: readonly PeerEvent[]) {
    this.#model = model
    for (const { eventId } of before) this.#accepted.add(eventId)
  }

  take({ event }: PeerEvent): void {
    const { eventId } = event
    const verdict = this.#model.rejected.has(eventId)
      ? 'rejected'
      : this.#model.allows(event, this.state)
        ? 'accepted'
        : 'soft-failed'
    this.verdicts.set(eventId, verdict)
    if (verdict === 'accepted') this.#accepted.add(eventId)
  }

  /** Accepted events that no accepted one follows, be it by way of refused ones. */
  get extremities(): readonly EventId[] {
    const followed = new Set<EventId>()
    const pending = [...this.#accepted]
    const seen = new Set<EventId>()
    for (let eventId = pending.pop(); eventId !== undefined; eventId = pending.pop()) {
      if (seen.has(eventId)) continue
      seen.add(eventId)
      for (const prev of this.#model.peer.get(eventId).event.prevEvents) {
        followed.add(prev)
        pending.push(prev)
      }
    }
    return [...this.#accepted].filter((eventId) => !followed.has(eventId)).sort()
  }

  get state(): StateMap {
    return this.#model.resolved(this.extremities)
  }
}

export interface RandomRoom {
  readonly model: GraphModel
  /** After the room's first events, in an order in which they may come. */
  readonly events: readonly PeerEvent[]
}

const USERS = ['one', 'two', 'three'].map((name) => `@${name}:there.example`)

/** Adds random events to a room: on one head, on several, or on an older event. */
export const growRoom = (model: GraphModel, size: number, random: () => number): RandomRoom => {
  const events: PeerEvent[] = []
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item
  let time = Date.now()
  const recent = (): EventId => (events.length === 0 ? pick(model.heads) : pick(events.slice(-8)).eventId)
  for (let made = 0; made < size; made++) {
    const chance = random()
    const prev =
      chance < 0.35 ? model.heads.slice(0, 20) : chance < 0.75 ? [recent()] : [...new Set([recent(), recent()])]
    // Some servers' clocks are off.
    time += Math.floor(random() * 7) - 2
    const draft = randomDraft(model.peer, pick, random)
    // No two are the same event.
    events.push(model.send({ ...draft, content: { ...draft.content, made }, prev, ts: time }))
  }
  return { model, events }
}

const randomDraft = (
  { sender: creator, version }: PeerRoom,
  pick: <Item>(items: readonly Item[]) => Item,
  random: () => number,
): PeerDraft => {
  const user = pick(USERS)
  const levelled = version.auth.privilegedCreators ? undefined : creator
  const sender = random() < 0.5 ? creator : user
  const other = pick(USERS)
  const member = (stateKey: string, by: string, membership: string): PeerDraft => ({
    ...{ type: 'm.room.member', stateKey, sender: by, content: { membership } },
  })
  const drafts: readonly (() => PeerDraft)[] = [
    () => member(user, user, 'join'),
    () => member(user, user, 'join'),
    () => member(user, user, 'leave'),
    () => member(other, sender, pick(['ban', 'leave', 'invite'])),
    () => ({ type: 'm.room.topic', stateKey: '', sender, content: { topic: String(random()) } }),
    () => ({ type: 'm.room.message', sender, content: { body: String(random()) } }),
    () => ({ type: 'm.room.name', stateKey: '', sender, content: { name: String(random()) } }),
    () => ({ type: 'm.room.join_rules', stateKey: '', sender, content: { join_rule: pick(['public', 'invite']) } }),
    () => ({ ...{ type: 'm.room.power_levels', stateKey: '', sender }, content: randomLevels(levelled, random) }),
  ]
  return pick(drafts)()
}

/** Room version 12 has its creator above all levels, and refuses to name them. */
const randomLevels = (creator: string | undefined, random: () => number): PeerDraft['content'] => {
  const users = USERS.filter(() => random() < 0.5).map((user): [string, number] => [user, random() < 0.5 ? 50 : 100])
  return { users: Object.fromEntries(creator === undefined ? users : [...users, [creator, 100]]) }
}

/** The same events in another order in which each comes after those that it refers to. */
export const reordered = (events: readonly PeerEvent[], random: () => number): readonly PeerEvent[] => {
  const waiting = new Set(events)
  const order: PeerEvent[] = []
  while (waiting.size > 0) {
    const ids = new Set([...waiting].map(({ eventId }) => eventId))
    const ready = [...waiting].filter(({ event }) =>
      [...event.prevEvents, ...event.authEvents].every((eventId) => !ids.has(eventId)),
    )
    const next = ready[Math.floor(random() * ready.length)] as PeerEvent
    waiting.delete(next)
    order.push(next)
  }
  return order
}
