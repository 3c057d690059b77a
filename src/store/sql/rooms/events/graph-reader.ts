import { sql } from 'kysely'
import { type EventId, type StateTuple, stateTupleKey } from '#spec'
import type { DifferingEntry, GraphEvent, RoomGraphReader, StateValue } from '../../../ports/rooms/graph.ts'
import type { StateHandle } from '../../../ports/rooms/state.ts'
import type { Db } from '../../engine/index.ts'
import { branchChains, entriesInChain, someInChain } from '../state/branch-reader.ts'
import { PLACINGS, query } from '../tables.ts'

const graphEvents = query((db, param: { eventIds: readonly EventId[] }, { texts }) =>
  db
    .selectFrom('events')
    .select([
      'event',
      'event_id',
      'room',
      'placed',
      'position',
      'depth',
      'type',
      'state_key',
      'prior_at',
      'prior_state',
    ])
    .where('event_id', 'in', texts(param.eventIds)),
)
const eventTexts = query((db, param: { eventIds: readonly EventId[] }, { texts }) =>
  db.selectFrom('events').select(['event_id', 'room', 'placed', 'json']).where('event_id', 'in', texts(param.eventIds)),
)

interface SomeEntries {
  readonly room: number
  readonly at: number
  readonly types: readonly string[]
  readonly stateKeys: readonly string[]
}
const someInLog = query((db, param: SomeEntries, { texts }) =>
  db
    .selectFrom('state_log as s')
    .innerJoin('events as e', 'e.event', 's.event')
    .select(['s.type', 's.state_key as stateKey', 'e.event_id as eventId'])
    .where('s.room', '=', param.room)
    .where('s.type', 'in', texts(param.types))
    .where('s.state_key', 'in', texts(param.stateKeys))
    .where('s.position', '<=', param.at)
    .where((of) => of.or([of('s.until_position', 'is', null), of('s.until_position', '>', param.at)])),
)
/** Rows of a state that come to this thread at once. */
const ENTRIES_AT_ONCE = 1_000
const nextInLog = query((db, param: { room: number; at: number; type: string; stateKey: string; limit: number }) =>
  db
    .selectFrom('state_log as s')
    .innerJoin('events as e', 'e.event', 's.event')
    .select(['s.type', 's.state_key as stateKey', 'e.event_id as eventId'])
    .where('s.room', '=', param.room)
    .where(sql<boolean>`(s.type, s.state_key) >= (${param.type}, ${param.stateKey})`)
    .where('s.position', '<=', param.at)
    .where((of) => of.or([of('s.until_position', 'is', null), of('s.until_position', '>', param.at)]))
    .orderBy('s.type')
    .orderBy('s.state_key')
    .limit(param.limit),
)
const changedBetween = query((db, param: { room: number; after: number; upTo: number }) =>
  db
    .selectFrom('state_log')
    .select(['type', 'state_key as stateKey'])
    .distinct()
    .where('room', '=', param.room)
    .where('position', '>', param.after)
    .where('position', '<=', param.upTo),
)

const lastChange = query((db, param: { room: number; at: number }) =>
  db
    .selectFrom('state_log')
    .select('position')
    .where('room', '=', param.room)
    .where('position', '<=', param.at)
    .orderBy('position', 'desc')
    .limit(1),
)

const backward = query((db, param: { room: number; limit: number }) =>
  db
    .selectFrom('missing_events')
    .select(['event_id as eventId', 'depth', 'history_at as historyAt'])
    .where('room', '=', param.room)
    .orderBy('depth', 'desc')
    .orderBy('event_id')
    .limit(param.limit),
)
const missingAmong = query((db, param: { room: number; eventIds: readonly EventId[] }, { texts }) =>
  db
    .selectFrom('missing_events')
    .select(['event_id as eventId', 'depth', 'history_at as historyAt'])
    .where('room', '=', param.room)
    .where('event_id', 'in', texts(param.eventIds)),
)
const rejectedFor = query((db, param: { room: number; eventIds: readonly EventId[] }, { texts }) =>
  db
    .selectFrom('lacking_events')
    .select('event_id')
    .distinct()
    .where('room', '=', param.room)
    .where('lacked', 'in', texts(param.eventIds))
    .limit(MOST_TAKEN_UP),
)
const waitingRedactions = query((db, param: { room: number; targets: readonly EventId[] }, { texts }) =>
  db
    .selectFrom('waiting_redactions')
    .select(['target', 'redaction'])
    .where('room', '=', param.room)
    .where('target', 'in', texts(param.targets))
    .limit(MOST_TAKEN_UP),
)
const joinedLike = query((db, param: { room: number; pattern: string; limit: number }) =>
  db
    .selectFrom('memberships as m')
    .innerJoin('users as u', 'u.user_number', 'm.user_number')
    .select('u.user_id as userId')
    .where('m.room', '=', param.room)
    .where('m.membership', '=', 'join')
    .where('u.user_id', 'like', param.pattern as never)
    .orderBy('m.position')
    .limit(param.limit),
)
const refusalOf = query((db, param: { eventId: EventId }) =>
  db
    .selectFrom('refusals as f')
    .innerJoin('events as e', 'e.event', 'f.event')
    .select('f.reason')
    .where('e.event_id', '=', param.eventId),
)
const resolvedChanges = query((db, param: { room: number; limit: number }) =>
  db
    .selectFrom('resolved_changes as c')
    .leftJoin('events as old', 'old.event', 'c.before')
    .leftJoin('events as new', 'new.event', 'c.after')
    .select(['c.room', 'c.position', 'c.type', 'c.state_key as stateKey'])
    .select(['old.event_id as before', 'new.event_id as after'])
    .where('c.room', '=', param.room)
    .orderBy('c.position', 'desc')
    .orderBy('c.type')
    .orderBy('c.state_key')
    .limit(param.limit),
)

/** Events that are judged anew at once, and redactions applied at once. */
const MOST_TAKEN_UP = 100
/** Events whose JSON is read at once. */
const TEXTS_AT_ONCE = 200
const TUPLES_AT_ONCE = 500

type GraphRow = Pick<
  Awaited<ReturnType<ReturnType<typeof rowsOf>>>[number],
  'event' | 'event_id' | 'room' | 'placed' | 'position' | 'depth' | 'type' | 'state_key' | 'prior_at' | 'prior_state'
>
const rowsOf = (db: Db) => (eventIds: readonly EventId[]) => db.all(graphEvents, { eventIds })

/** An event by which the room was known from outside has a position and no state before it. */
const beforeOf = ({ placed, position, prior_at, prior_state }: GraphRow): StateHandle | undefined => {
  if (prior_at === null) return position === null || PLACINGS[placed] === 'outlier' ? undefined : { at: position - 1 }
  return prior_state === null ? { at: prior_at } : { at: prior_at, branch: prior_state }
}

const toGraphEvent = (row: GraphRow): GraphEvent => ({
  event: row.event,
  eventId: row.event_id,
  room: row.room,
  placing: PLACINGS[row.placed] ?? 'rejected',
  position: row.position ?? undefined,
  depth: row.depth,
  type: row.type,
  stateKey: row.state_key ?? undefined,
  before: beforeOf(row),
  isPlain: row.position !== null && row.prior_at === null,
})

const inPieces = <Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] => {
  const pieces: (readonly Item[])[] = []
  for (let from = 0; from < items.length; from += size) pieces.push(items.slice(from, from + size))
  return pieces
}

/** The ids in the `auth_events` of a stored event: plain, or as pairs with hashes. */
const citedIn = (json: string): readonly EventId[] => {
  const { auth_events: cited } = JSON.parse(json) as { readonly auth_events: readonly (EventId | readonly [EventId])[] }
  return cited.map((one) => (typeof one === 'string' ? one : one[0]))
}

const authChain = async (db: Db, eventIds: readonly EventId[]): Promise<readonly EventId[]> => {
  const cited = new Set<EventId>()
  const stored: EventId[] = []
  let pending: readonly EventId[] = [...new Set(eventIds)]
  for (let isStart = true; pending.length > 0; isStart = false) {
    const next: EventId[] = []
    for (const piece of inPieces(pending, TEXTS_AT_ONCE))
      for (const { event_id, json } of await db.all(eventTexts, { eventIds: piece })) {
        if (!isStart) stored.push(event_id)
        for (const eventId of citedIn(json)) {
          if (cited.has(eventId)) continue
          cited.add(eventId)
          next.push(eventId)
        }
      }
    pending = next
  }
  return [...new Set(stored)]
}

const stateValues = async (
  db: Db,
  room: number,
  { at, branch }: StateHandle,
  entries: readonly StateTuple[],
): Promise<ReadonlyMap<string, StateValue>> => {
  const found = new Map<string, StateValue>()
  const chain = branch === undefined ? [] : ((await branchChains(db, [branch])).get(branch) ?? [])
  for (const piece of inPieces(entries, TUPLES_AT_ONCE)) {
    const wanted = new Set(piece.map(({ type, stateKey }) => stateTupleKey(type, stateKey)))
    const own = await someInChain(db, chain, piece)
    const rest = piece.filter(({ type, stateKey }) => !own.has(stateTupleKey(type, stateKey)))
    const types = [...new Set(rest.map(({ type }) => type))]
    const stateKeys = [...new Set(rest.map(({ stateKey }) => stateKey))]
    const logged = rest.length === 0 ? [] : await db.all(someInLog, { room, at, types, stateKeys })
    for (const value of logged) {
      const key = stateTupleKey(value.type, value.stateKey)
      if (wanted.has(key) && !own.has(key)) found.set(key, value)
    }
    for (const [key, { type, stateKey, eventId }] of own)
      if (eventId !== null && wanted.has(key)) found.set(key, { type, stateKey, eventId })
  }
  return found
}

const differingEntries = async (
  db: Db,
  room: number,
  states: readonly StateHandle[],
): Promise<readonly DifferingEntry[]> => {
  const chains = await branchChains(
    db,
    states.flatMap(({ branch }) => branch ?? []),
  )
  const chainOf = ({ branch }: StateHandle): readonly number[] =>
    branch === undefined ? [] : (chains.get(branch) ?? [])
  const all = states.map(chainOf)
  // What all of them build on is common to them, with the log below.
  const common = new Set(all[0]?.filter((state) => all.every((chain) => chain.includes(state))))
  const tuples = new Map<string, StateTuple>()
  const note = ({ type, stateKey }: StateTuple): unknown =>
    tuples.set(stateTupleKey(type, stateKey), { type, stateKey })
  const own = [...new Set(all.flat())].filter((state) => !common.has(state))
  for (const entry of (await entriesInChain(db, own)).values()) note(entry)
  const positions = states.map(({ at }) => at)
  const [after, upTo] = [Math.min(...positions), Math.max(...positions)]
  if (common.size === 0 && after < upTo)
    for (const entry of await db.longAll(changedBetween, { room, after, upTo })) note(entry)
  const wanted = [...tuples.values()]
  const values: ReadonlyMap<string, StateValue>[] = []
  for (const state of states) values.push(await stateValues(db, room, state, wanted))
  return [...tuples]
    .map(([key, tuple]) => ({ ...tuple, values: values.map((state) => state.get(key)?.eventId) }))
    .filter(({ values: ids }) => ids.some((eventId) => eventId !== ids[0]))
}

export const graphReader = (db: Db): RoomGraphReader => ({
  graphEvents: async (eventIds) => (eventIds.length === 0 ? [] : (await rowsOf(db)(eventIds)).map(toGraphEvent)),

  eventTexts: async (eventIds) =>
    (eventIds.length === 0 ? [] : await db.all(eventTexts, { eventIds })).map(({ event_id, room, placed, json }) => ({
      eventId: event_id,
      room,
      placing: PLACINGS[placed] ?? 'rejected',
      json,
    })),

  authChain: (eventIds) => authChain(db, eventIds),

  stateValues: async (room, state, entries) => [...(await stateValues(db, room, state, entries)).values()],

  lastChanges: async (room, positions) => {
    const found = new Map<number, number>()
    for (const at of new Set(positions)) {
      const row = await db.first(lastChange, { room, at })
      if (row !== undefined) found.set(at, row.position)
    }
    return found
  },

  wholeState: async function* (room, { at, branch }) {
    const chain = branch === undefined ? [] : ((await branchChains(db, [branch])).get(branch) ?? [])
    const own = await entriesInChain(db, chain)
    const isLogged = ({ type, stateKey }: StateValue): boolean =>
      own.size === 0 || !own.has(stateTupleKey(type, stateKey))
    let next: StateTuple | undefined = { type: '', stateKey: '' }
    while (next !== undefined) {
      const limit = ENTRIES_AT_ONCE + 1
      const page: readonly StateValue[] = await db.longAll(nextInLog, { room, at, ...next, limit })
      yield page.slice(0, ENTRIES_AT_ONCE).filter(isLogged)
      const { type, stateKey } = page[ENTRIES_AT_ONCE] ?? {}
      next = type === undefined || stateKey === undefined ? undefined : { type, stateKey }
    }
    yield [...own.values()].flatMap(({ type, stateKey, eventId }) =>
      eventId === null ? [] : [{ type, stateKey, eventId }],
    )
  },

  differingEntries: (room, states) => differingEntries(db, room, states),
  backwardExtremities: (room, limit) => db.all(backward, { room, limit }),

  missingAmong: async (room, eventIds) => (eventIds.length === 0 ? [] : db.all(missingAmong, { room, eventIds })),

  rejectedFor: async (room, eventIds) =>
    eventIds.length === 0 ? [] : (await db.all(rejectedFor, { room, eventIds })).map(({ event_id }) => event_id),

  waitingRedactions: async (room, targets) =>
    targets.length === 0 ? [] : db.all(waitingRedactions, { room, targets }),

  joinedOfServer: async (room, server, limit) =>
    (await db.longAll(joinedLike, { room, pattern: `%:${server}`, limit })).map(({ userId }) => userId),

  refusalOf: async (eventId) => (await db.first(refusalOf, { eventId }))?.reason,

  resolvedChanges: async (room, limit) =>
    (await db.all(resolvedChanges, { room, limit })).map(({ before, after, ...change }) => ({
      ...change,
      before: before ?? undefined,
      after: after ?? undefined,
    })),
})
