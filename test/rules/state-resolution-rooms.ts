import fc from 'fast-check'
import type { StateMap } from '#rules'
import { authoriseEvent } from '#rules'
import { type EventId, type JsonObject, type JsonValue, type RoomVersion, stateTupleKey } from '#spec'
import { Graph, type Node } from './state-resolution-graph.ts'

/** Small random rooms: a few users who act on each other over forks and merges. */
const USERS = ['@a:x.example', '@b:x.example', '@c:y.example', '@d:z.example'] as const
const CREATOR = USERS[0]
const LEVELS = [0, 50, 100]
const JOIN_RULES = ['public', 'invite', 'knock', 'restricted']

export interface Step {
  /** How far back the first previous event lies, and whether and how far a second one. */
  readonly back: number
  readonly merge: number
  readonly actor: number
  readonly action: number
  readonly target: number
  readonly choice: number
  readonly ts: number
  readonly name: number
  readonly rejected: boolean
}

const step: fc.Arbitrary<Step> = fc.tuple(fc.nat(0xffffff), fc.nat(0xffffff)).map(([low, high]) => ({
  back: low & 7,
  merge: (low >> 3) & 15,
  actor: (low >> 7) & 3,
  action: (low >> 9) & 15,
  target: (low >> 13) & 3,
  choice: (low >> 15) & 15,
  ts: high & 3,
  name: (high >> 2) & 0xff,
  rejected: ((high >> 10) & 31) === 0,
}))

export interface Plan {
  readonly steps: readonly Step[]
  /** Which of the room's states are resolved, counted from the last event. */
  readonly picks: readonly number[]
}

export const plan: fc.Arbitrary<Plan> = fc.record({
  steps: fc.array(step, { minLength: 3, maxLength: 22 }),
  picks: fc.array(fc.nat(11), { minLength: 2, maxLength: 4 }),
})

export interface BuiltRoom {
  readonly graph: Graph
  /** The states to resolve. */
  readonly sets: readonly StateMap[]
}

export const build = (version: RoomVersion, { steps, picks }: Plan): BuiltRoom => {
  const graph = new Graph(version)
  const nodes = start(graph)
  steps.forEach((each, index) => {
    const prev = [nodeBack(nodes, each.back)]
    if (each.merge < 8) prev.push(nodeBack(nodes, each.merge))
    const before = graph.stateBefore([...new Set(prev)])
    const id = `${each.name}-${index}`
    const draft = { id, sender: userAt(each.actor), ...actionOf(graph, each, before) }
    if (!isAllowed(graph, draft, before)) return
    graph.add({ ...draft, prev: [...new Set(prev)], ts: each.ts, rejected: each.rejected }, before)
    nodes.push(id)
  })
  return { graph, sets: picks.map((back) => graph.stateAfter.get(nodeBack(nodes, back)) ?? new Map()) }
}

const nodeBack = (nodes: readonly string[], back: number): string =>
  nodes[Math.max(0, nodes.length - 1 - back)] ?? 'CREATE'
const userAt = (index: number): string => USERS[index] ?? CREATOR

const start = (graph: Graph): string[] => {
  const users = graph.version.auth.privilegedCreators ? {} : { [CREATOR]: 100 }
  const nodes: readonly Node[] = [
    { id: 'CREATE', type: 'm.room.create', stateKey: '', sender: CREATOR, content: { creator: CREATOR } },
    { id: 'MA', type: 'm.room.member', stateKey: CREATOR, sender: CREATOR, content: { membership: 'join' } },
    {
      id: 'P',
      type: 'm.room.power_levels',
      stateKey: '',
      sender: CREATOR,
      content: { users: { ...users, [USERS[1]]: 50 } },
    },
    { id: 'J', type: 'm.room.join_rules', stateKey: '', sender: CREATOR, content: { join_rule: 'public' } },
    { id: 'MB', type: 'm.room.member', stateKey: USERS[1], sender: USERS[1], content: { membership: 'join' } },
  ]
  nodes.forEach((node, index) => {
    graph.add({ ...node, prev: nodes.slice(Math.max(0, index - 1), index).map(({ id }) => id), ts: 0 })
  })
  return ['MB']
}

type Action = Omit<Node, 'id' | 'sender'>

const actionOf = (graph: Graph, { action, actor, target, choice }: Step, before: StateMap): Action => {
  const member = (membership: string, stateKey: string): Action => ({
    type: 'm.room.member',
    stateKey,
    content: { membership, ...(choice < 2 ? { join_authorised_via_users_server: userAt(choice) } : {}) },
  })
  if (action < 4) return member('join', userAt(actor))
  if (action < 5) return member('leave', userAt(actor))
  if (action < 7) return member(choice < 8 ? 'ban' : 'leave', userAt(target))
  if (action < 8) return member(choice < 12 ? 'invite' : 'knock', choice < 12 ? userAt(target) : userAt(actor))
  if (action < 11) return powerChange(graph, before, userAt(target), LEVELS[choice % 3] ?? 0, choice)
  if (action < 13) return state('m.room.join_rules', { join_rule: JOIN_RULES[choice & 3] ?? 'public' })
  return state(choice < 8 ? 'm.room.topic' : 'm.room.name', {})
}

const state = (type: string, content: JsonObject): Action => ({ type, stateKey: '', content })

const powerChange = (graph: Graph, before: StateMap, user: string, level: number, choice: number): Action => {
  const current = before.get(stateTupleKey('m.room.power_levels', ''))
  const content = (current === undefined ? undefined : graph.events.get(current)?.content) ?? {}
  const users = (content.users ?? {}) as Record<string, JsonValue>
  const invite = choice > 12 ? { invite: 50 } : {}
  return state('m.room.power_levels', { ...content, ...invite, users: { ...users, [user]: level } })
}

const isAllowed = (graph: Graph, draft: Node, before: StateMap): boolean => {
  const event = new Graph(graph.version).add({ ...draft, prev: ['x'], ts: 0, auth: [] }, new Map())
  const at = (type: string, stateKey: string) => {
    const eventId: EventId | undefined = before.get(stateTupleKey(type, stateKey))
    return eventId === undefined ? undefined : graph.events.get(eventId)
  }
  return authoriseEvent(graph.version, event, at).allowed
}
