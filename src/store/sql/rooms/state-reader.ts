import type { ExpressionBuilder, Kysely, SelectQueryBuilder } from 'kysely'
import type { Membership, UserId } from '#spec'
import type { RoomsReader, StateQuery } from '../../ports/rooms.ts'
import type { Db, Lists, Query } from '../engine/index.ts'
import { type EventRow, selectEvents, toStoredEvent } from './stored-events.ts'
import { query, type RoomTables } from './tables.ts'

interface StateParams {
  readonly room: number
  readonly at: number
  readonly types: readonly string[]
  readonly stateKeys: readonly string[]
}

type Log = SelectQueryBuilder<RoomTables, 'state_log', { event_position: number }>
type Narrow = (log: Log, param: StateParams, lists: Lists) => Log

/** Which entries of the state; each way is a query of its own. */
const NARROWED = {
  all: (log) => log,
  types: (log, param, { texts }) => log.where('type', 'in', texts(param.types)),
  notTypes: (log, param, { texts }) => log.where('type', 'not in', texts(param.types)),
  keys: (log, param, { texts }) =>
    log.where('type', 'in', texts(param.types)).where('state_key', 'in', texts(param.stateKeys)),
} as const satisfies Readonly<Record<string, Narrow>>

const logOf = (db: Kysely<RoomTables>, param: StateParams): Log =>
  db.selectFrom('state_log').select('event_position').where('room', '=', param.room)

const inForceNow = (narrow: Narrow): Query<StateParams, EventRow> =>
  query((db, param: StateParams, lists) => {
    const log = narrow(logOf(db, param).where('until_position', 'is', null), param, lists)
    return selectEvents(db).innerJoin(log.as('s'), 's.event_position', 'e.position')
  })

/**
 * What is still in force of what was then, and what ended since: two ranges of indexes, whose cost is the size of the state and
 * the number of changes since, not the length of the room's history. One statement, since between two an entry may end.
 */
const inForceAt = (narrow: Narrow): Query<StateParams, EventRow> =>
  query((db, param: StateParams, lists) => {
    const then = logOf(db, param).where('position', '<=', param.at)
    const still = narrow(then.where('until_position', 'is', null), param, lists)
    const ended = narrow(then.where('until_position', '>', param.at), param, lists)
    return selectEvents(db).innerJoin(still.unionAll(ended).as('s'), 's.event_position', 'e.position')
  })

const STATE_NOW = {
  all: inForceNow(NARROWED.all),
  types: inForceNow(NARROWED.types),
  notTypes: inForceNow(NARROWED.notTypes),
  keys: inForceNow(NARROWED.keys),
}
const STATE_AT = {
  all: inForceAt(NARROWED.all),
  types: inForceAt(NARROWED.types),
  notTypes: inForceAt(NARROWED.notTypes),
  keys: inForceAt(NARROWED.keys),
}

const entryNow = query((db, param: { room: number; type: string; stateKey: string }) =>
  selectEvents(db)
    .innerJoin('state_log as s', 's.event_position', 'e.position')
    .where('s.room', '=', param.room)
    .where('s.type', '=', param.type)
    .where('s.state_key', '=', param.stateKey)
    .where('s.until_position', 'is', null),
)

const untilAfter = (eb: ExpressionBuilder<RoomTables & { s: RoomTables['state_log'] }, 's'>, at: number) =>
  eb.or([eb('s.until_position', 'is', null), eb('s.until_position', '>', at)])

const entryAt = query((db, param: { room: number; type: string; stateKey: string; at: number }) =>
  selectEvents(db)
    .innerJoin('state_log as s', 's.event_position', 'e.position')
    .where('s.room', '=', param.room)
    .where('s.type', '=', param.type)
    .where('s.state_key', '=', param.stateKey)
    .where('s.position', '<=', param.at)
    .where((eb) => untilAfter(eb as never, param.at))
    .orderBy('s.position', 'desc')
    .limit(1),
)

const changesBetween = query((db, param: { room: number; after: number; upTo: number }) =>
  selectEvents(db)
    .innerJoin('state_log as s', 's.event_position', 'e.position')
    .where('s.room', '=', param.room)
    .where('s.position', '>', param.after)
    .where('s.position', '<=', param.upTo)
    .where((eb) => untilAfter(eb as never, param.upTo))
    .orderBy('s.position'),
)

const changesOfEntry = query((db, param: { room: number; type: string; stateKey: string }) =>
  selectEvents(db)
    .innerJoin('state_log as s', 's.event_position', 'e.position')
    .where('s.room', '=', param.room)
    .where('s.type', '=', param.type)
    .where('s.state_key', '=', param.stateKey)
    .orderBy('s.position'),
)

const membershipsOfUser = query((db, param: { room: number; user: UserId }) =>
  db
    .selectFrom('state_log')
    .select(['membership', 'position'])
    .where('room', '=', param.room)
    .where('type', '=', 'm.room.member')
    .where('state_key', '=', param.user)
    .orderBy('position'),
)

const roomSize = query((db, param: { room: number }) =>
  db.selectFrom('rooms').select(['joined_count', 'invited_count']).where('room', '=', param.room),
)

/** Above it, reading all members of a room would hold up the serving thread for more than a few milliseconds. */
const MANY_MEMBERS = 1_000

/** Asks off the event loop where the room is large. */
export const isLargeRoom = async (db: Db, room: number): Promise<boolean> => {
  const size = await db.first(roomSize, { room })
  return size !== undefined && size.joined_count + size.invited_count > MANY_MEMBERS
}

const wayOf = ({
  types,
  notTypes,
  stateKeys,
}: StateQuery): { way: keyof typeof NARROWED; types: readonly string[] } => {
  if (types === undefined)
    return notTypes === undefined ? { way: 'all', types: [] } : { way: 'notTypes', types: notTypes }
  const wanted = notTypes === undefined ? types : types.filter((type) => !notTypes.includes(type))
  return { way: stateKeys === undefined ? 'types' : 'keys', types: wanted }
}

type StateReader = Pick<RoomsReader, 'state' | 'stateEvent' | 'stateChanges' | 'stateHistory' | 'membershipHistory'>

export const stateReader = (db: Db): StateReader => ({
  state: async (room, ask) => {
    const { way, types } = wayOf(ask)
    const stateKeys = ask.stateKeys ?? []
    const at = ask.at === 'current' ? 0 : ask.at
    const stateQuery = ask.at === 'current' ? STATE_NOW[way] : STATE_AT[way]
    const mayBeLong = way === 'all' || (way === 'types' && types.includes('m.room.member'))
    const params: StateParams = { room, at, types, stateKeys }
    const rows =
      mayBeLong && (await isLargeRoom(db, room))
        ? await db.longAll(stateQuery, params)
        : await db.all(stateQuery, params)
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

  stateHistory: async (room, type, stateKey) => {
    const rows = await db.all(changesOfEntry, { room, type, stateKey })
    return rows.map(toStoredEvent)
  },

  membershipHistory: async (room, user) => {
    const rows = await db.all(membershipsOfUser, { room, user })
    return rows.flatMap(({ membership, position }): { membership: Membership; position: number }[] =>
      membership === null ? [] : [{ membership, position }],
    )
  },
})
