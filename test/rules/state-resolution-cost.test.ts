import { describe, expect, it } from 'vitest'
import type { EventLookup, StateMap, UnconflictedState } from '#rules'
import { authEventTuples, findConflict, resolveConflicts, resolveState } from '#rules'
import {
  type EventId,
  type JsonObject,
  parseStateTupleKey,
  ROOM_VERSIONS,
  type RoomEvent,
  type RoomVersion,
  stateTupleKey,
} from '#spec'
import { eventOf, mustResolve } from './state-resolution-graph.ts'

const ALICE = '@alice:example.com'
const MEMBERS = 100_000
const VERSIONS = ['1', '2', '11', '12'].map((id) => ROOM_VERSIONS.get(id) as RoomVersion)

class LargeRoom {
  readonly version: RoomVersion
  readonly events = new Map<EventId, RoomEvent>()
  readonly arrival = new Map<EventId, number>()
  readonly state = new Map<string, EventId>()

  constructor(version: RoomVersion, members: number, powerLevels: number) {
    this.version = version
    this.put(this.state, 'CREATE', 'm.room.create', '', ALICE, { creator: ALICE })
    this.put(this.state, 'MA', 'm.room.member', ALICE, ALICE, { membership: 'join' })
    for (let index = 0; index < powerLevels; index++) this.power(this.state, `P${index}`, { ban: index % 50 })
    this.put(this.state, 'J', 'm.room.join_rules', '', ALICE, { join_rule: 'public' })
    for (let index = 0; index < members; index++) {
      const user = `@user${index}:example.com`
      this.put(this.state, `M${index}`, 'm.room.member', user, user, { membership: 'join' })
    }
  }

  /** Adds an event on top of a state, to which it belongs from then on. */
  put(
    state: Map<string, EventId>,
    id: string,
    type: string,
    stateKey: string,
    sender: string,
    content: JsonObject,
  ): void {
    const auth = authEventTuples(this.version, { type, stateKey, sender, content }).flatMap((tuple) => {
      const eventId = state.get(stateTupleKey(tuple.type, tuple.stateKey))
      return eventId === undefined ? [] : [eventId.slice(1)]
    })
    const order = this.events.size
    const event = eventOf(this.version, {
      id,
      type,
      stateKey,
      sender,
      content,
      auth,
      prev: ['x'],
      ts: order,
      depth: order,
    })
    this.events.set(event.eventId, event)
    this.arrival.set(event.eventId, order)
    state.set(stateTupleKey(type, stateKey), event.eventId)
  }

  power(state: Map<string, EventId>, id: string, levels: JsonObject): void {
    const users = this.version.auth.privilegedCreators ? {} : { [ALICE]: 100 }
    this.put(state, id, 'm.room.power_levels', '', ALICE, { users, ...levels })
  }

  /** Two branches of a fork: a topic and power levels on either side, and a member who comes on one. */
  fork(): readonly [Map<string, EventId>, Map<string, EventId>] {
    const left = new Map(this.state)
    const right = new Map(this.state)
    this.put(left, 'T-left', 'm.room.topic', '', ALICE, {})
    this.power(left, 'P-left', { kick: 10 })
    this.put(left, 'N-left', 'm.room.name', '', ALICE, {})
    this.power(right, 'P-right-1', { kick: 20 })
    this.power(right, 'P-right-2', { kick: 30 })
    this.put(right, 'T-right', 'm.room.topic', '', ALICE, {})
    this.put(right, 'M-right', 'm.room.member', '@new:example.com', '@new:example.com', { membership: 'join' })
    return [left, right]
  }

  readonly unordered: EventLookup = { get: (eventId) => this.events.get(eventId) }

  counting(): { readonly lookup: EventLookup; readonly reads: () => number } {
    let reads = 0
    const get = (eventId: EventId) => {
      reads++
      return this.events.get(eventId)
    }
    return { lookup: { get, order: (eventId) => this.arrival.get(eventId) ?? Number.NaN }, reads: () => reads }
  }
}

describe.each(VERSIONS)('a conflict in a large room, version $id', (version) => {
  it('reads events for the conflict and not for the room', () => {
    const room = new LargeRoom(version, MEMBERS, 3)
    const [left, right] = room.fork()
    const { lookup, reads } = room.counting()
    const state = mustResolve(version, [left, right], lookup)
    expect(reads()).toBeLessThan(400)
    expect(state.size).toBe(MEMBERS + 7)
    expect(state.get(stateTupleKey('m.room.topic', ''))).toMatch(/^\$T-/)
    expect(state.get(stateTupleKey('m.room.power_levels', ''))).toMatch(/^\$P-(left|right-2)$/)
    expect(state).toEqual(mustResolve(version, [right, left], lookup))
  })

  it('need not be given the room at all', () => {
    const room = new LargeRoom(version, 50, 3)
    const [left, right] = room.fork()
    const { lookup } = room.counting()
    const whole = mustResolve(version, [left, right], lookup)
    const conflict = findConflict([left, right], lookup)
    let asked = 0
    const unconflicted: UnconflictedState = {
      get: (key) => conflict?.unconflicted.get(key),
      mayReach: (events) => {
        asked++
        return conflict?.unconflicted.mayReach(events) ?? []
      },
    }
    const resolved = resolveConflicts(version, { sets: conflict?.sets ?? [], unconflicted }, lookup)
    const entries: StateMap = resolved.ok ? resolved.value : new Map()
    expect(entries.size).toBe(4)
    for (const [key, eventId] of entries) expect(whole.get(key)).toBe(eventId)
    expect(asked).toBeLessThanOrEqual(1)
  })

  it('takes long chains without recursion, and does not follow them far where events have an order', () => {
    const room = new LargeRoom(version, 5, 20_000)
    const [left, right] = room.fork()
    const { lookup, reads } = room.counting()
    const state = mustResolve(version, [left, right], lookup)
    expect(reads()).toBeLessThan(400)
    expect(mustResolve(version, [left, right], room.unordered)).toEqual(state)
  })
})

describe('states without a conflict', () => {
  const version = ROOM_VERSIONS.get('10') as RoomVersion
  const nothing: EventLookup = { get: () => undefined }

  it('resolve to what they are, and no event is read', () => {
    const state: StateMap = new Map([[stateTupleKey('m.room.topic', ''), '$t' as EventId]])
    for (const sets of [[state], [state, state], [state, new Map(state)]])
      expect(resolveState(version, sets, nothing)).toEqual({ ok: true, value: state })
    expect(resolveState(version, [], nothing)).toEqual({ ok: true, value: new Map() })
  })

  it('and a conflict of events that are not there names them', () => {
    const sets: StateMap[] = ['$a', '$b'].map((id) => new Map([[stateTupleKey('m.room.topic', ''), id as EventId]]))
    for (const each of VERSIONS) {
      const outcome = resolveState(each, sets, nothing)
      expect(outcome).toEqual({ ok: false, failure: { missing: expect.arrayContaining(['$a', '$b']) } })
    }
  })
})

describe('state tuple keys', () => {
  it('tell tuples apart, whatever characters they hold, and can be read back', () => {
    const texts = ['', 'a', ':', '1:', 'a:b', '\0', '3:abc', '@u:x', '11:']
    const seen = new Set<string>()
    for (const type of texts) {
      for (const stateKey of texts) {
        const key = stateTupleKey(type, stateKey)
        seen.add(key)
        expect(parseStateTupleKey(key)).toEqual({ type, stateKey })
      }
    }
    expect(seen.size).toBe(texts.length ** 2)
    for (const text of ['', 'a', ':a', '-1:a', '01:a', '5:abc', '1e0:a'])
      expect(parseStateTupleKey(text)).toBeUndefined()
  })
})
