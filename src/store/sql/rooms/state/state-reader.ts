import { type ExpressionBuilder, type Kysely, sql } from 'kysely'
import type { EventId, Membership, UserId } from '#spec'
import type { MembershipStep, RoomStateReader, StateQuery, StateRef, StateStep } from '../../../ports/rooms/state.ts'
import type { Db, Lists, Query } from '../../engine/index.ts'
import { type EventRow, selectEvents, toStoredEvent } from '../stored-events.ts'
import { query, type RoomTables } from '../tables.ts'
import { branchDifferences, entryInBranches } from './branch-reader.ts'
import { statePagesReader } from './state-pages.ts'

interface StateParams {
  readonly room: number
  readonly at: number
  readonly types: readonly string[]
  readonly stateKeys: readonly string[]
}

/** Written as the index `state_log_until` is defined. A plus before a column keeps the planner from using an index on it. */
const UNTIL = sql<number>`coalesce(s.until_position, ${sql.lit(Number.MAX_SAFE_INTEGER)})`
const PLAIN_POSITION = sql<number>`+s.position`
const PLAIN_TYPE = sql<string>`s.type || ''`

const logOf = (db: Kysely<RoomTables>, param: { readonly room: number }) =>
  selectEvents(db).innerJoin('state_log as s', 's.event', 'e.event').where('s.room', '=', param.room)

type Log = ReturnType<typeof logOf>
type Narrow = (log: Log, param: StateParams, lists: Lists) => Log

const inForceAfter = (log: Log, position: number): Log =>
  log.where((eb) => eb.or([eb('s.until_position', 'is', null), eb('s.until_position', '>', position)]))

const stateQuery = (when: Narrow, which: Narrow): Query<StateParams, EventRow> =>
  query((db, param: StateParams, lists) => which(when(logOf(db, param), param, lists), param, lists))

/** The whole state, now or at a position, as one range of `state_log_until`: the cost is that of the state and the changes since. */
const wholeNow: Narrow = (log) => log.where(UNTIL, '=', sql.lit(Number.MAX_SAFE_INTEGER))
const wholeAt: Narrow = (log, param) => log.where(UNTIL, '>', param.at).where(PLAIN_POSITION, '<=', param.at)
/** The same for few entries: each type is a range of its own. */
const entriesNow: Narrow = (log) => log.where('s.until_position', 'is', null)
const entriesAt: Narrow = (log, param) => inForceAfter(log.where(PLAIN_POSITION, '<=', param.at), param.at)

const all: Narrow = (log) => log
const manyOfTypes: Narrow = (log, param, { texts }) => log.where(PLAIN_TYPE, 'in', texts(param.types))
const notTypes: Narrow = (log, param, { texts }) => log.where('s.type', 'not in', texts(param.types))
const ofTypes: Narrow = (log, param, { texts }) => log.where('s.type', 'in', texts(param.types))
const keys: Narrow = (log, param, { texts }) =>
  log.where('s.type', 'in', texts(param.types)).where('s.state_key', 'in', texts(param.stateKeys))

const STATE_NOW = {
  all: stateQuery(wholeNow, all),
  notTypes: stateQuery(wholeNow, notTypes),
  manyOfTypes: stateQuery(entriesNow, ofTypes),
  types: stateQuery(entriesNow, ofTypes),
  keys: stateQuery(entriesNow, keys),
}
const STATE_AT = {
  all: stateQuery(wholeAt, all),
  notTypes: stateQuery(wholeAt, notTypes),
  manyOfTypes: stateQuery(wholeAt, manyOfTypes),
  types: stateQuery(entriesAt, ofTypes),
  keys: stateQuery(entriesAt, keys),
}

interface Entry {
  readonly room: number
  readonly type: string
  readonly stateKey: string
}
const entryOf = (db: Kysely<RoomTables>, param: Entry): Log =>
  logOf(db, param).where('s.type', '=', param.type).where('s.state_key', '=', param.stateKey)

const entryNow = query((db, param: Entry) => entryOf(db, param).where('s.until_position', 'is', null))

const entryAt = query((db, param: Entry & { readonly at: number }) =>
  inForceAfter(entryOf(db, param).where('s.position', '<=', param.at), param.at)
    .orderBy('s.position', 'desc')
    .limit(1),
)

type FirstSteps = Entry & { readonly limit: number }
const stepsOfEntry = query((db, param: FirstSteps) =>
  entryOf(db, param).select('s.position as since').orderBy('s.position').limit(param.limit),
)
const removalsOfEntry = query((db, param: FirstSteps) =>
  db
    .selectFrom('state_log')
    .select('position')
    .where('room', '=', param.room)
    .where('type', '=', param.type)
    .where('state_key', '=', param.stateKey)
    .where('event', 'is', null)
    .orderBy('position')
    .limit(param.limit),
)

/** The step of an entry that was in force right before the event `e`: one step into the index of the log, however long it is. */
const stepBefore = (
  { selectFrom }: ExpressionBuilder<RoomTables & { readonly e: RoomTables['events'] }, 'e'>,
  param: Omit<Entry, 'room'>,
) =>
  selectFrom('state_log as s')
    .whereRef('s.room', '=', 'e.room')
    .where('s.type', '=', param.type)
    .where('s.state_key', '=', param.stateKey)
    .where('s.position', '<', sql<number>`coalesce(e.prior_at + 1, e.position, 0)`)
    .orderBy('s.position', 'desc')
    .limit(1)
const entriesBefore = query((db, param: Omit<Entry, 'room'> & { readonly events: readonly number[] }, { integers }) =>
  db
    .selectFrom('events as e')
    .select((of) => [
      'e.event',
      'e.prior_state',
      stepBefore(of, param).select('s.event').as('entry'),
      stepBefore(of, param).select('s.membership').as('membership'),
    ])
    .where('e.event', 'in', integers(param.events)),
)
const jsonOfEvents = query((db, param: { events: readonly number[] }, { integers }) =>
  db.selectFrom('events').select(['event', 'json']).where('event', 'in', integers(param.events)),
)

const priorOf = query((db, param: { eventId: EventId }) =>
  db
    .selectFrom('events')
    .select(['event', 'room', 'position', 'prior_at', 'prior_state'])
    .where('event_id', '=', param.eventId),
)
const changesBetween = query((db, param: { room: number; after: number; upTo: number }) =>
  inForceAfter(
    logOf(db, param).where('s.position', '>', param.after).where('s.position', '<=', param.upTo),
    param.upTo,
  ).orderBy('s.position'),
)

interface OfMember {
  readonly room: number
  readonly user: UserId
}
const membershipsOf = (db: Kysely<RoomTables>, param: OfMember) =>
  db
    .selectFrom('state_log')
    .select(['membership', 'position'])
    .where('room', '=', param.room)
    .where('type', '=', 'm.room.member')
    .where('state_key', '=', param.user)
    .where('membership', 'is not', null)
const membershipsOfUser = query((db, param: OfMember & { readonly after: number; readonly upTo: number }) =>
  membershipsOf(db, param).where('position', '>', param.after).where('position', '<=', param.upTo).orderBy('position'),
)
const membershipOfUserAt = query((db, param: OfMember & { readonly at: number }) =>
  membershipsOf(db, param).where('position', '<=', param.at).orderBy('position', 'desc').limit(1),
)
const nextMembershipOfUser = query((db, param: OfMember & { readonly after: number }) =>
  membershipsOf(db, param).where('position', '>', param.after).orderBy('position').limit(1),
)

/** Written as the index `state_log_joins` is defined: a partial index serves a literal only. */
const lastJoinOfUser = query((db, param: OfMember & { readonly upTo: number }) =>
  db
    .selectFrom('state_log')
    .select('position')
    .where('room', '=', param.room)
    .where('state_key', '=', param.user)
    .where('membership', '=', sql.lit('join'))
    .where('position', '<=', param.upTo)
    .orderBy('position', 'desc')
    .limit(1),
)
interface OwnSteps {
  readonly room: number
  readonly user: UserId
}
const ownSteps = (db: Kysely<RoomTables>, param: OwnSteps) =>
  db
    .selectFrom('state_log')
    .select('position')
    .where('room', '=', param.room)
    .where('type', '=', 'm.room.member')
    .where('state_key', '=', param.user)

const lastOutside = (db: Kysely<RoomTables>, param: OwnSteps & { readonly at: number }) =>
  ownSteps(db, param)
    .where('position', '<=', param.at)
    .where((eb) => eb.or([eb('membership', 'is', null), eb('membership', '!=', 'join')]))
    .orderBy('position', 'desc')
    .limit(1)
const firstJoin = query((db, param: OwnSteps & { readonly at: number }) =>
  ownSteps(db, param)
    .where('position', '>', (eb) => eb.fn.coalesce(lastOutside(db, param), eb.lit(0)))
    .where('position', '<=', param.at)
    .where('membership', '=', 'join')
    .orderBy('position')
    .limit(1),
)

interface Stretch {
  readonly room: number
  readonly after: number
  readonly upTo: number
}
const joinRows = (db: Kysely<RoomTables>, param: Stretch) =>
  db
    .selectFrom('state_log as s')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('s.room', '=', param.room)
    .where(PLAIN_TYPE, '=', 'm.room.member')
    .where('s.membership', '=', 'join')
const joinsBegun = query((db, param: Stretch) =>
  joinRows(db, param).where('s.position', '>', param.after).where('s.position', '<=', param.upTo),
)
const joinsEnded = query((db, param: Stretch) =>
  joinRows(db, param).where(UNTIL, '>', param.after).where(UNTIL, '<=', param.upTo),
)

const roomSize = query((db, param: { room: number }) =>
  db.selectFrom('rooms').select(['joined_count', 'invited_count']).where('room', '=', param.room),
)

/** Members above which reading all of a room would hold up the serving thread for more than a few milliseconds. */
const MANY_MEMBERS = 1_000

/** Whether queries of the whole state of a room should run off the event loop. */
export const isLargeRoom = async (db: Db, room: number): Promise<boolean> => {
  const size = await db.first(roomSize, { room })
  return size !== undefined && size.joined_count + size.invited_count > MANY_MEMBERS
}

type Way = keyof typeof STATE_NOW

const wayOf = ({ types, notTypes, stateKeys }: StateQuery): { way: Way; types: readonly string[] } => {
  if (types === undefined)
    return notTypes === undefined ? { way: 'all', types: [] } : { way: 'notTypes', types: notTypes }
  const wanted = notTypes === undefined ? types : types.filter((type) => !notTypes.includes(type))
  if (stateKeys !== undefined) return { way: 'keys', types: wanted }
  return { way: wanted.includes('m.room.member') ? 'manyOfTypes' : 'types', types: wanted }
}

const toStep = ({ membership, position }: { membership: Membership | null; position: number }): MembershipStep => ({
  membership: membership ?? 'leave',
  position,
})

export const stateReader = (db: Db): RoomStateReader => ({
  ...statePagesReader(db),

  state: async (room, ask) => {
    const { way, types } = wayOf(ask)
    const stateKeys = ask.stateKeys ?? []
    const at = ask.at === 'current' ? 0 : ask.at
    const wanted = ask.at === 'current' ? STATE_NOW[way] : STATE_AT[way]
    const mayBeLong = way === 'all' || way === 'manyOfTypes'
    const params: StateParams = { room, at, types, stateKeys }
    const rows =
      mayBeLong && (await isLargeRoom(db, room)) ? await db.longAll(wanted, params) : await db.all(wanted, params)
    return rows.map(toStoredEvent)
  },

  stateEvent: async (room, at, type, stateKey) => {
    const row =
      at === 'current'
        ? await db.first(entryNow, { room, type, stateKey })
        : await db.first(entryAt, { room, type, stateKey, at })
    return row && toStoredEvent(row)
  },

  stateChanges: async (room, after, upTo) => {
    const rows = await db.all(changesBetween, { room, after, upTo })
    return rows.map(toStoredEvent)
  },

  stateHistory: async (room, type, stateKey, limit) => {
    const entry = { room, type, stateKey, limit }
    const rows = await db.all(stepsOfEntry, entry)
    const steps: StateStep[] = rows.map((row) => ({ position: row.since, event: toStoredEvent(row) }))
    for (const { position } of await db.all(removalsOfEntry, entry)) steps.push({ position, event: undefined })
    return steps.sort((one, other) => one.position - other.position).slice(0, limit)
  },

  entryBefore: async (type, stateKey, events) => {
    const rows = await db.all(entriesBefore, { type, stateKey, events })
    const branches = rows.flatMap(({ prior_state }) => prior_state ?? [])
    const differing = await entryInBranches(db, { type, stateKey }, branches)
    return new Map(
      rows.map(({ event, entry, membership, prior_state }) => {
        const branch = prior_state === null ? undefined : differing.get(prior_state)
        return [event, branch ?? { entry: entry ?? undefined, membership: membership ?? undefined }]
      }),
    )
  },

  jsonOf: async (events) => new Map((await db.all(jsonOfEvents, { events })).map(({ event, json }) => [event, json])),

  lastStay: async (room, user, upTo = Number.MAX_SAFE_INTEGER) => {
    const join = await db.first(lastJoinOfUser, { room, user, upTo })
    if (join === undefined) return undefined
    const next = await db.first(nextMembershipOfUser, { room, user, after: join.position })
    return { joined: join.position, ended: next?.position }
  },

  membershipAt: async (room, user, at) => {
    const row = await db.first(membershipOfUserAt, { room, user, at })
    return row && toStep(row)
  },

  membershipsBetween: async (room, user, after, upTo) =>
    (await db.all(membershipsOfUser, { room, user, after, upTo })).map(toStep),

  priorState: async (eventId): Promise<StateRef | undefined> => {
    const row = await db.first(priorOf, { eventId })
    if (row === undefined) return undefined
    if (row.prior_at === null) return row.position === null ? undefined : { at: row.position - 1, differs: [] }
    return { at: row.prior_at, differs: row.prior_state === null ? [] : await branchDifferences(db, row.prior_state) }
  },

  stayBegan: async (room, user, at) => (await db.first(firstJoin, { room, user, at }))?.position,

  joinsBetween: async (room, after, upTo) => {
    const begun = await db.first(joinsBegun, { room, after, upTo })
    const ended = await db.first(joinsEnded, { room, after, upTo })
    return Number(begun?.count ?? 0) - Number(ended?.count ?? 0)
  },
})
