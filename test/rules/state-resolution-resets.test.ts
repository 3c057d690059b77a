import { describe, expect, it } from 'vitest'
import type { JsonObject, RoomVersion } from '#spec'
import { ROOM_VERSIONS } from '#spec'
import type { PlacedNode } from './state-resolution-graph.ts'
import { Graph, idsIn, mustResolve, stateOf } from './state-resolution-graph.ts'

/**
 * State resets and how version 2.1 ends them: the two problems that MSC4297 sets out, each with states that no honest
 * server would have come to by itself. The same rooms are resolved by version 2 too, which does reset.
 */
const ALICE = '@alice:example.com'
const BOB = '@bob:example.com'
const CHARLIE = '@charlie:example.com'
const EVE = '@eve:example.com'
const ZARA = '@zara:example.com'

const buildRoom = (versionId: string) => {
  const version = ROOM_VERSIONS.get(versionId) as RoomVersion
  const graph = new Graph(version)
  const base = version.roomIdIsCreateHash ? [] : ['CREATE']
  const add = (
    id: string,
    type: string,
    stateKey: string,
    sender: string,
    content: JsonObject,
    auth: readonly string[],
  ): void => {
    const node: PlacedNode = { id, type, stateKey, sender, content, prev: ['x'], ts: graph.events.size, auth }
    graph.add(id === 'CREATE' ? { ...node, prev: [] } : { ...node, auth: [...base, ...auth] }, new Map())
  }
  const member = (id: string, sender: string, membership: string, auth: readonly string[]): void =>
    add(id, 'm.room.member', sender, sender, { membership }, auth)
  const power = (id: string, sender: string, users: JsonObject, auth: readonly string[]): void => {
    const all = version.auth.privilegedCreators ? users : { [ALICE]: 100, ...users }
    add(id, 'm.room.power_levels', '', sender, { users: all }, auth)
  }
  const rules = (id: string, joinRule: string, auth: readonly string[]): void =>
    add(id, 'm.room.join_rules', '', ALICE, { join_rule: joinRule }, auth)

  add('CREATE', 'm.room.create', '', ALICE, { room_version: versionId }, [])
  add('MA', 'm.room.member', ALICE, ALICE, { membership: 'join' }, [])
  power('P0', ALICE, {}, ['MA'])
  rules('J0', 'public', ['MA', 'P0'])
  member('MB', BOB, 'join', ['P0', 'J0'])
  member('MC', CHARLIE, 'join', ['P0', 'J0'])
  const resolve = (...states: readonly string[]): string[] => {
    const sets = states.map((state) => stateOf(graph, state.split(' ')))
    const answers = [graph.ordered, graph.unordered].flatMap((lookup) =>
      [sets, sets.toReversed()].map((given) => idsIn(mustResolve(version, given, lookup))),
    )
    for (const answer of answers) expect(answer).toEqual(answers[0])
    return answers[0] ?? []
  }
  const topic = (id: string, sender: string, auth: readonly string[]): void =>
    add(id, 'm.room.topic', '', sender, {}, auth)
  return { member, power, rules, topic, resolve }
}

describe('a conflict over join rules whose sender has left in every state (MSC4297, problem A)', () => {
  const resolve = (versionId: string): string[] => {
    const room = buildRoom(versionId)
    room.rules('J1', 'invite', ['MA', 'P0'])
    room.member('MA-left', ALICE, 'leave', ['P0', 'MA'])
    room.member('MB-name', BOB, 'join', ['P0', 'MB', 'J1'])
    room.member('MC-name', CHARLIE, 'join', ['P0', 'MC', 'J1'])
    return room.resolve('CREATE P0 MC J1 MA-left MB-name', 'CREATE P0 J0 MB MA-left MC-name')
  }

  it('loses the join rules in version 2', () => {
    expect(resolve('11')).toEqual(['CREATE', 'MA-left', 'MB-name', 'MC-name', 'P0'])
  })

  it('keeps the newer join rules in version 2.1', () => {
    expect(resolve('12')).toEqual(['CREATE', 'J1', 'MA-left', 'MB-name', 'MC-name', 'P0'])
  })

  it('does so too where nothing but the join rules is in conflict', () => {
    const only = (versionId: string): string[] => {
      const room = buildRoom(versionId)
      room.rules('J1', 'invite', ['MA', 'P0'])
      room.member('MA-left', ALICE, 'leave', ['P0', 'MA'])
      return room.resolve('CREATE P0 MA-left MB MC J1', 'CREATE P0 MA-left MB MC J0')
    }
    expect(only('11')).toEqual(['CREATE', 'MA-left', 'MB', 'MC', 'P0'])
    expect(only('12')).toEqual(['CREATE', 'J1', 'MA-left', 'MB', 'MC', 'P0'])
  })
})

describe('a state with power levels long superseded (MSC4297, problem B)', () => {
  const resolve = (versionId: string): string[] => {
    const room = buildRoom(versionId)
    room.power('P1', ALICE, { [BOB]: 50 }, ['P0', 'MA'])
    room.power('P2', BOB, { [BOB]: 50, [CHARLIE]: 50 }, ['P1', 'MB'])
    room.member('MZ', ZARA, 'join', ['P2', 'J0'])
    room.member('ME', EVE, 'join', ['P2', 'J0'])
    room.member('ME-name', EVE, 'join', ['P2', 'ME', 'J0'])
    return room.resolve('CREATE MA P0 J0 MB MC ME-name', 'CREATE MA J0 MB MC P2 MZ')
  }

  it('resets the power levels in version 2', () => {
    expect(resolve('11')).toEqual(['CREATE', 'J0', 'MA', 'MB', 'MC', 'ME-name', 'MZ', 'P0'])
  })

  it('replays what lies between in version 2.1', () => {
    expect(resolve('12')).toEqual(['CREATE', 'J0', 'MA', 'MB', 'MC', 'ME-name', 'MZ', 'P2'])
  })

  it('replays members in the order of the power levels they cite', () => {
    const room = buildRoom('12')
    room.power('P1', ALICE, { [BOB]: 50 }, ['P0', 'MA'])
    room.power('P2', BOB, { [BOB]: 50, [CHARLIE]: 50 }, ['P1', 'MB'])
    room.member('ME', EVE, 'join', ['P2', 'J0'])
    // Cites the old power levels directly, the new ones by way of the join.
    room.member('ME-name', EVE, 'join', ['P0', 'J0', 'ME'])
    room.member('MZ', ZARA, 'join', ['P2', 'J0'])
    const resolved = room.resolve('CREATE MA MB MC ME-name P0 J0', 'CREATE MA MB MC MZ P2 J0')
    expect(resolved).toEqual(['CREATE', 'J0', 'MA', 'MB', 'MC', 'ME', 'MZ', 'P2'])
  })
})

describe('power levels that only the chain of one conflicted event names', () => {
  const resolve = (versionId: string, member: string): string[] => {
    const room = buildRoom(versionId)
    room.power('P1', ALICE, { [BOB]: 50 }, ['P0', 'MA'])
    room.power('P2', ALICE, { [BOB]: 0 }, ['P0', 'MA'])
    room.member('MZ-old', ZARA, 'join', ['P0', 'J0'])
    room.member('MZ-new', ZARA, 'join', ['P1', 'J0'])
    room.topic('T-alice', ALICE, ['P0', 'MA'])
    room.topic('T-bob', BOB, ['P1', 'MB'])
    const common = `CREATE MA MB MC J0 P2 ${member}`
    return room.resolve(`${common} T-alice`, `${common} T-bob`).filter((id) => id.startsWith('T'))
  }

  it('are in the auth difference of version 2, and count when the rest is judged', () => {
    expect(resolve('11', 'MZ-old')).toEqual(['T-bob'])
  })

  it('are not where an entry on which all agree has them in its chain too', () => {
    expect(resolve('11', 'MZ-new')).toEqual(['T-alice'])
  })
})
