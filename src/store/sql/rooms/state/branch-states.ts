import type { EventId } from '#spec'
import type { EventNumber } from '../../../ports/rooms/events.ts'
import type { StateRef } from '../../../ports/rooms/state.ts'
import { type InsertRow, insertInto, type Tx } from '../../engine/index.ts'
import { query } from '../tables.ts'

/** States on which another one builds, at most: then it holds all their entries itself. So reading one stays cheap, and storing one too. */
const MAX_CHAIN = 40

const insertState = query((db, param: { room: number; at: number; chain: string }) =>
  db.insertInto('branch_states').values({ room: param.room, at: param.at, chain: param.chain }).returning('state'),
)
const chainOf = query((db, param: { room: number; state: number }) =>
  db.selectFrom('branch_states').select('chain').where('state', '=', param.state).where('room', '=', param.room),
)
const entriesOf = query((db, param: { states: readonly number[] }, { integers }) =>
  db
    .selectFrom('branch_entries')
    .select(['state', 'type', 'state_key', 'event'])
    .where('state', 'in', integers(param.states)),
)
const insertEntries = insertInto('branch_entries', {
  state: 'integer',
  type: 'text',
  state_key: 'text',
  event: 'integer?',
})

type Entry = Omit<InsertRow<typeof insertEntries>, 'state'>

/** Reads what stands in the column `chain`. */
export const chainIn = (text: string): readonly number[] => JSON.parse(text) as readonly number[]

/** The entries of states, of which the first one listed that has an entry counts. */
export const nearestFirst = <Row extends { readonly state: number }>(
  rows: readonly Row[],
  states: readonly number[],
): readonly Row[] => {
  const ranks = new Map(states.map((state, rank) => [state, rank]))
  return [...rows].sort((one, other) => (ranks.get(one.state) ?? 0) - (ranks.get(other.state) ?? 0))
}

/** Entries of a chain that is too long, of which a new state takes those that it does not set itself. */
const flattened = async (tx: Tx, states: readonly number[], own: readonly Entry[]): Promise<readonly Entry[]> => {
  const seen = new Set(own.map(({ type, state_key }) => JSON.stringify([type, state_key])))
  const all = [...own]
  for (const { type, state_key, event } of nearestFirst(await tx.all(entriesOf, { states }), states)) {
    const key = JSON.stringify([type, state_key])
    if (seen.has(key)) continue
    seen.add(key)
    all.push({ type, state_key, event })
  }
  return all
}

interface NewState {
  readonly room: number
  /** The position whose state it differs from. */
  readonly at: number
  /** The states on which it builds, the nearest first. */
  readonly below: readonly number[]
  /** The entries in which it differs from the nearest of them. */
  readonly own: readonly Entry[]
  /** All in which it differs, for where it builds on no other as they would be too many. */
  whole(): Promise<readonly Entry[]>
}

/** Stores a state by its differences. Returns the states on which the next one builds: this one, and those below. */
export const storeState = async (
  tx: Tx,
  { room, at, below, own, whole }: NewState,
): Promise<readonly [state: number, ...below: number[]]> => {
  const isLong = below.length > MAX_CHAIN
  const chain = isLong ? [] : below
  const made = await tx.first(insertState, { room, at, chain: JSON.stringify(chain) })
  if (made === undefined) throw new Error('an inserted state got no number')
  const entries = isLong ? await whole() : own
  await tx.insertMany(
    insertEntries,
    entries.map((entry) => ({ state: made.state, ...entry })),
  )
  return [made.state, ...chain]
}

/** Stores a state before an event where no row stands for it yet. Returns what refers to it in the event's row. */
export const storePriorState = async (
  tx: Tx,
  room: number,
  { at, branch, differs }: StateRef,
  numbers: ReadonlyMap<EventId, EventNumber>,
): Promise<{ readonly prior_at: number; readonly prior_state: number | null }> => {
  if (differs.length === 0) return { prior_at: at, prior_state: branch ?? null }
  const below = branch === undefined ? [] : [branch, ...(await storedChain(tx, room, branch))]
  const own = differs.map(({ type, stateKey, event }) => ({
    type,
    state_key: stateKey,
    event: event === null ? null : (numbers.get(event) as EventNumber),
  }))
  const [state] = await storeState(tx, { room, at, below, own, whole: () => flattened(tx, below, own) })
  return { prior_at: at, prior_state: state }
}

const storedChain = async (tx: Tx, room: number, state: number): Promise<readonly number[]> => {
  const row = await tx.first(chainOf, { room, state })
  if (row === undefined) throw new Error('a state builds on one that is not stored')
  return chainIn(row.chain)
}
