import type { EventId, Membership, StateTuple } from '#spec'
import { stateTupleKey } from '#spec'
import type { EventNumber } from '../../../ports/rooms/events.ts'
import type { PriorEntry, StateRef } from '../../../ports/rooms/state.ts'
import type { Db } from '../../engine/index.ts'
import { query } from '../tables.ts'
import { chainIn, nearestFirst } from './branch-states.ts'

const chainsOf = query((db, param: { states: readonly number[] }, { integers }) =>
  db.selectFrom('branch_states').select(['state', 'chain']).where('state', 'in', integers(param.states)),
)
const entriesOf = query((db, param: { states: readonly number[] }, { integers }) =>
  db
    .selectFrom('branch_entries as b')
    .leftJoin('events as e', 'e.event', 'b.event')
    .select(['b.state', 'b.type', 'b.state_key as stateKey', 'e.event_id as eventId'])
    .where('b.state', 'in', integers(param.states)),
)
const someEntriesOf = query(
  (
    db,
    param: { states: readonly number[]; types: readonly string[]; stateKeys: readonly string[] },
    { integers, texts },
  ) =>
    db
      .selectFrom('branch_entries as b')
      .leftJoin('events as e', 'e.event', 'b.event')
      .select(['b.state', 'b.type', 'b.state_key as stateKey', 'b.event', 'e.event_id as eventId', 'e.json'])
      .where('b.state', 'in', integers(param.states))
      .where('b.type', 'in', texts(param.types))
      .where('b.state_key', 'in', texts(param.stateKeys)),
)

/** Each state with those on which it builds, nearest first. */
export const branchChains = async (
  db: Db,
  states: readonly number[],
): Promise<ReadonlyMap<number, readonly number[]>> => {
  if (states.length === 0) return new Map()
  const rows = await db.all(chainsOf, { states: [...new Set(states)] })
  return new Map(rows.map(({ state, chain }) => [state, [state, ...chainIn(chain)]]))
}

export interface BranchEntry extends StateTuple {
  readonly eventId: EventId | null
}

/** What these states, nearest first, say together, by `stateTupleKey`. */
export const entriesInChain = async (db: Db, states: readonly number[]): Promise<ReadonlyMap<string, BranchEntry>> => {
  if (states.length === 0) return new Map()
  return firstOfEach(nearestFirst(await db.longAll(entriesOf, { states }), states))
}

/** The same for some entries. */
export const someInChain = async (
  db: Db,
  states: readonly number[],
  entries: readonly StateTuple[],
): Promise<ReadonlyMap<string, BranchEntry>> => {
  if (states.length === 0 || entries.length === 0) return new Map()
  const types = [...new Set(entries.map(({ type }) => type))]
  const stateKeys = [...new Set(entries.map(({ stateKey }) => stateKey))]
  return firstOfEach(nearestFirst(await db.all(someEntriesOf, { states, types, stateKeys }), states))
}

const firstOfEach = (rows: readonly BranchEntry[]): ReadonlyMap<string, BranchEntry> => {
  const found = new Map<string, BranchEntry>()
  for (const { type, stateKey, eventId } of rows) {
    const key = stateTupleKey(type, stateKey)
    if (!found.has(key)) found.set(key, { type, stateKey, eventId })
  }
  return found
}

/** All entries in which a state differs from the log, sorted. */
export const branchDifferences = async (db: Db, state: number): Promise<StateRef['differs']> => {
  const chain = (await branchChains(db, [state])).get(state) ?? []
  return [...(await entriesInChain(db, chain)).values()]
    .sort((one, other) => compare(one.type, other.type) || compare(one.stateKey, other.stateKey))
    .map(({ type, stateKey, eventId }) => ({ type, stateKey, event: eventId }))
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

/** One entry in each of these states, where it differs from the log. */
export const entryInBranches = async (
  db: Db,
  { type, stateKey }: StateTuple,
  states: readonly number[],
): Promise<ReadonlyMap<number, PriorEntry>> => {
  const chains = await branchChains(db, states)
  if (chains.size === 0) return new Map()
  const all = [...new Set([...chains.values()].flat())]
  const rows = await db.all(someEntriesOf, { states: all, types: [type], stateKeys: [stateKey] })
  const byState = new Map(rows.map((row) => [row.state, row]))
  const found = new Map<number, PriorEntry>()
  for (const [state, chain] of chains) {
    const nearest = chain.find((one) => byState.has(one))
    const row = nearest === undefined ? undefined : byState.get(nearest)
    if (row !== undefined) found.set(state, priorEntry(type, row))
  }
  return found
}

const priorEntry = (type: string, { event, json }: { event: EventNumber | null; json: string | null }): PriorEntry => {
  if (event === null || json === null)
    return { entry: undefined, membership: type === 'm.room.member' ? 'leave' : undefined }
  const { content } = JSON.parse(json) as { readonly content: { readonly membership?: Membership } }
  return { entry: event, membership: type === 'm.room.member' ? content.membership : undefined }
}
