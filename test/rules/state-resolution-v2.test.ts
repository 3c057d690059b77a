import { describe, expect, it } from 'vitest'
import { resolveState } from '#rules'
import type { EventId, JsonObject, RoomVersion } from '#spec'
import { ROOM_VERSIONS } from '#spec'
import type { Node } from './state-resolution-graph.ts'
import { Graph, idsIn, keyOf, mustResolve, placeAlong } from './state-resolution-graph.ts'

const ALICE = '@alice:example.com'
const BOB = '@bob:example.com'
const CHARLIE = '@charlie:example.com'
const EVELYN = '@evelyn:example.com'
const ZARA = '@zara:example.com'

type Draft = (version: RoomVersion) => Node

const member = (id: string, membership: string, sender: string, stateKey = sender): Draft => {
  return () => ({ id, type: 'm.room.member', stateKey, sender, content: { membership } })
}
/** Alice's level is 100, and beyond all levels where she is a creator. */
const power = (id: string, sender: string, users: JsonObject, more: JsonObject = {}): Draft => {
  return ({ auth }) => ({
    id,
    type: 'm.room.power_levels',
    stateKey: '',
    sender,
    content: { users: auth.privilegedCreators ? users : { [ALICE]: 100, ...users }, ...more },
  })
}
const rules = (id: string, joinRule: string): Draft => {
  return () => ({ id, type: 'm.room.join_rules', stateKey: '', sender: ALICE, content: { join_rule: joinRule } })
}
const topic = (id: string, sender: string): Draft => {
  return () => ({ id, type: 'm.room.topic', stateKey: '', sender })
}
const message = (id: string): Draft => {
  return () => ({ id, type: 'm.room.message', sender: ZARA })
}

const INITIAL: readonly Draft[] = [
  () => ({ id: 'CREATE', type: 'm.room.create', stateKey: '', sender: ALICE, content: { creator: ALICE } }),
  member('IMA', 'join', ALICE),
  power('IPOWER', ALICE, {}),
  rules('IJR', 'public'),
  member('IMB', 'join', BOB),
  member('IMC', 'join', CHARLIE),
  member('IMZ', 'join', ZARA),
  message('START'),
  message('END'),
]
const INITIAL_CHAIN = ['START', 'IMZ', 'IMC', 'IMB', 'IJR', 'IPOWER', 'IMA', 'CREATE']

interface Scenario {
  readonly name: string
  readonly events: readonly Draft[]
  /** From later to earlier, between END and START. */
  readonly chains: readonly string[]
  /** What the state at END has beyond that at START. */
  readonly expected: readonly string[]
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a ban prevails over power levels set by the banned at the same time',
    events: [
      power('PA', ALICE, { [BOB]: 50 }),
      member('MA', 'join', ALICE),
      member('MB', 'ban', ALICE, BOB),
      power('PB', BOB, { [BOB]: 50 }),
    ],
    chains: ['END MB MA PA START', 'END PB PA'],
    expected: ['PA', 'MA', 'MB'],
  },
  {
    name: 'nobody slips in past a change of join rules',
    events: [rules('JR', 'private'), member('ME', 'join', EVELYN)],
    chains: ['END JR START', 'END ME START'],
    expected: ['JR'],
  },
  {
    name: 'the latest power levels of a chain stand, though their sender has given up power',
    events: [
      power('PA', ALICE, { [BOB]: 50 }),
      power('PB', BOB, { [BOB]: 50, [CHARLIE]: 50 }),
      power('PC', CHARLIE, { [BOB]: 50, [CHARLIE]: 0 }),
    ],
    chains: ['END PC PB PA START', 'END PA'],
    expected: ['PC'],
  },
  {
    name: 'a topic falls with the power levels it was set under',
    events: [
      topic('T1', ALICE),
      power('PA1', ALICE, { [BOB]: 50 }),
      topic('T2', ALICE),
      power('PA2', ALICE, { [BOB]: 0 }),
      power('PB', BOB, { [BOB]: 50 }),
      topic('T3', BOB),
    ],
    chains: ['END PA2 T2 PA1 T1 START', 'END T3 PB PA1'],
    expected: ['PA2', 'T2'],
  },
  {
    name: 'a topic falls back when its sender was banned',
    events: [topic('T1', ALICE), power('PA', ALICE, { [BOB]: 50 }), topic('T2', BOB), member('MB', 'ban', ALICE, BOB)],
    chains: ['END MB T2 PA T1 START', 'END T1'],
    expected: ['T1', 'MB', 'PA'],
  },
  {
    name: 'a topic set after the fork is joined stands',
    events: [
      topic('T1', ALICE),
      power('PA1', ALICE, { [BOB]: 50 }),
      topic('T2', ALICE),
      power('PA2', ALICE, { [BOB]: 0 }),
      power('PB', BOB, { [BOB]: 50 }),
      topic('T3', BOB),
      message('MZ1'),
      topic('T4', ALICE),
    ],
    chains: ['END T4 MZ1 PA2 T2 PA1 T1 START', 'END MZ1 T3 PB PA1'],
    expected: ['T4', 'PA2'],
  },
  {
    name: 'of two topics the one under later power levels stands, not the one sent later',
    events: [
      topic('T1', ALICE),
      power('PA1', ALICE, { [BOB]: 50 }),
      topic('T2', ALICE),
      power('PA2', ALICE, { [BOB]: 50 }, { events: { 'm.room.power_levels': 100 } }),
      power('PB', BOB, { [BOB]: 50 }),
      topic('T3', BOB),
      topic('T4', ALICE),
    ],
    chains: ['END T3 PA2 T2 PA1 T1 START', 'END T4 PB PA1'],
    expected: ['T3', 'PA2'],
  },
  {
    name: 'joins at the same time do not disturb each other',
    events: [member('ME', 'join', EVELYN), member('MB', 'leave', BOB)],
    chains: ['END ME START', 'END MB START'],
    expected: ['ME', 'MB'],
  },
  {
    name: 'of equals the later in time stands, whatever the ids',
    events: [topic('Z', ALICE), message('ZZ'), topic('A', ALICE)],
    chains: ['END Z START', 'END A ZZ START'],
    expected: ['A'],
  },
  {
    name: 'of join rules sent at the same time by the same user the later stands',
    events: [rules('JZ', 'invite'), message('ZM'), rules('J0', 'knock')],
    chains: ['END JZ START', 'END J0 ZM START'],
    expected: ['J0'],
  },
  {
    name: 'a demotion prevails over power levels of the demoted',
    events: [
      power('PA', ALICE, { [BOB]: 50 }),
      power('PD', ALICE, { [BOB]: 0 }),
      power('PX', BOB, { [BOB]: 50, [CHARLIE]: 50 }),
    ],
    chains: ['END PD PA START', 'END PX PA'],
    expected: ['PD'],
  },
  {
    name: 'a kick prevails over what the kicked did at the same time',
    events: [power('PA', ALICE, { [BOB]: 50 }), member('KB', 'leave', ALICE, BOB), topic('TB', BOB)],
    chains: ['END KB PA START', 'END TB PA'],
    expected: ['PA', 'KB'],
  },
  {
    name: 'an entry that only one branch has stays',
    events: [topic('T1', ALICE), message('M1')],
    chains: ['END T1 START', 'END M1 START'],
    expected: ['T1'],
  },
]

const run = (version: RoomVersion, { events, chains, expected }: Scenario): void => {
  const nodes = [...INITIAL, ...events].map((draft) => draft(version))
  const graph = new Graph(version)
  const placed = placeAlong(nodes, [INITIAL_CHAIN, ...chains.map((chain) => chain.split(' '))])
  for (const node of placed) graph.add(node)
  const start = graph.stateAfter.get('START')
  const end = graph.stateAfter.get('END')
  const changed = [...(end ?? [])].filter(([key, eventId]) => start?.get(key) !== eventId)
  expect(changed.map(([, eventId]) => eventId.slice(1)).sort()).toEqual([...expected].sort())
  for (const key of start?.keys() ?? []) expect(end?.has(key)).toBe(true)

  const last = placed.find(({ id }) => id === 'END')?.prev ?? []
  const sets = last.map((id) => graph.stateAfter.get(id) ?? new Map())
  expect(sets.length).toBe(2)
  expect(idsIn(mustResolve(version, sets.toReversed(), graph.unordered))).toEqual(idsIn(end ?? new Map()))
  for (const [key, eventId] of end ?? []) expect(keyOf(graph.events.get(eventId) ?? never(eventId))).toBe(key)
}

const never = (eventId: string): never => {
  throw new Error(`no event ${eventId}`)
}

for (const version of [...ROOM_VERSIONS.values()].filter(({ stateResolution }) => stateResolution !== 'v1')) {
  describe(`state resolution ${version.stateResolution}, room version ${version.id}`, () => {
    it.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))('%s', (_, scenario) => {
      run(version, scenario)
    })
  })
}

describe('state resolution', () => {
  it('names what it lacks, and works once that is there', () => {
    const version = ROOM_VERSIONS.get('10') ?? never('version')
    const scenario = SCENARIOS[0] ?? never('scenario')
    const graph = new Graph(version)
    const nodes = [...INITIAL, ...scenario.events].map((draft) => draft(version))
    const placed = placeAlong(nodes, [INITIAL_CHAIN, ...scenario.chains.map((chain) => chain.split(' '))])
    for (const node of placed) graph.add(node)
    const expected = idsIn(graph.stateAfter.get('END') ?? new Map())
    const sets = ['MB', 'PB'].map((id) => graph.stateAfter.get(id) ?? new Map())

    for (const lookup of [graph.ordered, graph.unordered]) {
      const loaded = new Set<string>()
      const partial = { ...lookup, get: (id: EventId) => (loaded.has(id) ? lookup.get(id) : undefined) }
      let rounds = 0
      for (;;) {
        const outcome = resolveState(version, sets, partial)
        if (outcome.ok) {
          expect(idsIn(outcome.value)).toEqual(expected)
          break
        }
        expect(outcome.failure.missing.length).toBeGreaterThan(0)
        for (const eventId of outcome.failure.missing) {
          expect(loaded.has(eventId)).toBe(false)
          loaded.add(eventId)
        }
        rounds++
      }
      expect(rounds).toBeGreaterThan(1)
      expect(rounds).toBeLessThan(10)
    }
  })
})
