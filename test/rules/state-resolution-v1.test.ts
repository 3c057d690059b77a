import { hash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { StateMap } from '#rules'
import type { JsonObject, RoomVersion } from '#spec'
import { ROOM_VERSIONS } from '#spec'
import { Graph, idOf, idsIn, mustResolve, stateOf } from './state-resolution-graph.ts'

const ALICE = '@alice:example.com'
const BOB = '@bob:example.com'
const EVE = '@eve:example.com'
const COMMON = 'CREATE MA MB J0 P0'

const buildRoom = () => {
  const version = ROOM_VERSIONS.get('1') as RoomVersion
  const graph = new Graph(version)
  const add = (
    id: string,
    depth: number,
    sender: string,
    type: string,
    content: JsonObject = {},
    stateKey = '',
  ): void => {
    const prev = id === 'CREATE' ? [] : ['x']
    graph.add({ id, type, stateKey, sender, content, prev, ts: 0, depth, auth: [] }, new Map())
  }
  const member = (id: string, depth: number, sender: string, membership: string, target = sender): void =>
    add(id, depth, sender, 'm.room.member', { membership }, target)
  const power = (id: string, depth: number, sender: string, users: JsonObject): void =>
    add(id, depth, sender, 'm.room.power_levels', { users })
  const rules = (id: string, depth: number, joinRule: string, sender = ALICE): void =>
    add(id, depth, sender, 'm.room.join_rules', { join_rule: joinRule })
  const topic = (id: string, depth: number, sender: string): void => add(id, depth, sender, 'm.room.topic')

  add('CREATE', 1, ALICE, 'm.room.create', { creator: ALICE })
  member('MA', 2, ALICE, 'join')
  power('P0', 3, ALICE, { [ALICE]: 100, [BOB]: 50 })
  rules('J0', 4, 'public')
  member('MB', 5, BOB, 'join')
  const resolve = (...states: readonly string[]): string[] => {
    const sets: StateMap[] = states.map((state) => stateOf(graph, state.split(' ')))
    const answer = idsIn(mustResolve(version, sets, graph.unordered))
    expect(idsIn(mustResolve(version, sets.toReversed(), graph.ordered))).toEqual(answer)
    return answer
  }
  return { add, member, power, rules, topic, resolve }
}

/** What is there beside the common state. */
const beside = (ids: readonly string[]): string[] => ids.filter((id) => !COMMON.split(' ').includes(id))

describe('state resolution v1', () => {
  it('takes the deepest event that is allowed', () => {
    const room = buildRoom()
    room.topic('T6', 6, BOB)
    room.topic('T7', 7, ALICE)
    room.topic('T8', 8, EVE)
    expect(beside(room.resolve(`${COMMON} T6`, `${COMMON} T7`, `${COMMON} T8`))).toEqual(['T7'])
  })

  it('of equally deep ones takes that with the lowest SHA-1', () => {
    for (const names of [
      ['TA', 'TB', 'TC'],
      ['TX', 'TY', 'TZ'],
      ['T1', 'T2', 'T3'],
    ]) {
      const room = buildRoom()
      for (const name of names) room.topic(name, 6, BOB)
      const lowest = names.toSorted((left, right) =>
        hash('sha1', idOf(left), 'hex') < hash('sha1', idOf(right), 'hex') ? -1 : 1,
      )[0]
      expect(beside(room.resolve(...names.map((name) => `${COMMON} ${name}`)))).toEqual([lowest])
    }
  })

  it('takes the least deep where none is allowed', () => {
    const room = buildRoom()
    room.topic('T6', 6, EVE)
    room.topic('T7', 7, EVE)
    expect(beside(room.resolve(`${COMMON} T6`, `${COMMON} T7`))).toEqual(['T6'])
  })

  it('sees no conflict where a state only lacks an entry', () => {
    const room = buildRoom()
    room.topic('T6', 6, EVE)
    room.member('ME', 7, EVE, 'join')
    expect(beside(room.resolve(`${COMMON} T6`, `${COMMON} ME`, COMMON))).toEqual(['ME', 'T6'])
  })

  it('goes up the power levels from the least deep, as far as each allows the next', () => {
    const room = buildRoom()
    room.power('P6', 6, ALICE, { [ALICE]: 100 })
    room.power('P7', 7, BOB, { [ALICE]: 100, [BOB]: 50 })
    room.power('P8', 8, ALICE, { [ALICE]: 100, [BOB]: 1 })
    const base = 'CREATE MA MB J0'
    // P7 is refused by P6, and what is deeper is not looked at.
    expect(room.resolve(`${base} P6`, `${base} P7`, `${base} P8`)).toEqual(['CREATE', 'J0', 'MA', 'MB', 'P6'])
    expect(room.resolve(`${base} P6`, `${base} P8`)).toEqual(['CREATE', 'J0', 'MA', 'MB', 'P8'])
  })

  it('judges members by the power levels and join rules that prevailed', () => {
    const room = buildRoom()
    room.rules('J6', 6, 'invite')
    room.member('ME-left', 6, EVE, 'leave')
    room.member('ME', 7, EVE, 'join')
    const base = 'CREATE MA MB P0'
    expect(beside(room.resolve(`${base} J6 ME-left`, `${base} J0 ME`))).toEqual(['J6', 'ME-left'])
    const open = buildRoom()
    open.rules('J6', 6, 'public')
    open.member('ME-left', 6, EVE, 'leave')
    open.member('ME', 7, EVE, 'join')
    expect(beside(open.resolve(`${base} J6 ME-left`, `${base} J0 ME`))).toEqual(['J6', 'ME'])
  })

  it('judges members one by one, not by each other', () => {
    const room = buildRoom()
    room.member('MB-left', 6, BOB, 'leave')
    room.member('MB-back', 7, BOB, 'join')
    room.member('ME', 6, EVE, 'join')
    room.member('ME-ban', 7, BOB, 'ban', EVE)
    // Bob's own membership is in conflict, so that Bob counts as no member while Eve's is resolved.
    const base = 'CREATE MA J0 P0'
    expect(beside(room.resolve(`${base} MB-left ME`, `${base} MB-back ME-ban`))).toEqual(['MB-back', 'ME'])
  })

  it('keeps a ban that follows a join, and one that a later join ignores', () => {
    const room = buildRoom()
    room.member('MB-ban', 6, ALICE, 'ban', BOB)
    room.member('MB-back', 9, BOB, 'join')
    room.topic('T6', 6, ALICE)
    const base = 'CREATE MA J0 P0'
    expect(beside(room.resolve(`${base} MB-ban T6`, `${base} MB`))).toEqual(['MB-ban', 'T6'])
    expect(beside(room.resolve(`${base} MB-ban T6`, `${base} MB-back`))).toEqual(['MB-ban', 'T6'])
  })
})
