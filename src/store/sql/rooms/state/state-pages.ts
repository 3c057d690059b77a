import { type Kysely, sql } from 'kysely'
import type { PlacedChange, RoomStateReader } from '../../../ports/rooms/state.ts'
import type { Db } from '../../engine/index.ts'
import { type EventRow, selectEvents, toStoredEvent } from '../stored-events.ts'
import { query, type RoomTables } from '../tables.ts'

/** Written as the index `state_log_until` is defined. A plus before a column keeps the planner from using an index on it. */
const UNTIL = sql<number>`coalesce(s.until_position, ${sql.lit(Number.MAX_SAFE_INTEGER)})`
const PLAIN_POSITION = sql<number>`+s.position`
/** Behind all types: these have at most 255 bytes. */
const LAST_TYPE = '\u{10ffff}'.repeat(64)

/** The log of the state of all rooms, with the events. */
export const logOf = (db: Kysely<RoomTables>) => selectEvents(db).innerJoin('state_log as s', 's.event', 'e.event')

const logIn = (db: Kysely<RoomTables>, param: { readonly room: number }) => logOf(db).where('s.room', '=', param.room)

interface Page {
  readonly room: number
  readonly type: string
  readonly stateKey: string
  readonly limit: number
}

/** The rows of an entry's end, or of its beginning, by that position. */
export const placed = (log: ReturnType<typeof logOf>) =>
  log.select(['s.type as entry_type', 's.state_key as entry_key'])

const inForce = query((db, param: Page & { beforeType: string }) =>
  placed(logIn(db, param))
    .select('s.position as placed_at')
    .where('s.until_position', 'is', null)
    .where(sql<boolean>`(s.type, s.state_key) > (${param.type}, ${param.stateKey})`)
    .where('s.type', '<', param.beforeType)
    .orderBy('s.type')
    .orderBy('s.state_key')
    .limit(param.limit),
)

const replaced = query((db, param: Page & { at: number; position: number }) =>
  placed(logIn(db, param))
    .select(UNTIL.as('placed_at'))
    .where(UNTIL, '>=', param.position)
    .where(UNTIL, '<', sql.lit(Number.MAX_SAFE_INTEGER))
    .where(sql<boolean>`(${UNTIL}, s.type, s.state_key) > (${param.position}, ${param.type}, ${param.stateKey})`)
    .where(PLAIN_POSITION, '<=', param.at)
    .orderBy(UNTIL)
    .orderBy('s.type')
    .orderBy('s.state_key')
    .limit(param.limit),
)

const changed = query((db, param: Page & { at: number; position: number }) =>
  placed(logIn(db, param))
    .select('s.position as placed_at')
    .where('s.position', '>=', param.position)
    .where('s.position', '<=', param.at)
    .where(sql<boolean>`(s.position, s.type, s.state_key) > (${param.position}, ${param.type}, ${param.stateKey})`)
    .where((eb) => eb.or([eb('s.until_position', 'is', null), eb('s.until_position', '>', param.at)]))
    .orderBy('s.position')
    .orderBy('s.type')
    .orderBy('s.state_key')
    .limit(param.limit),
)

const removed = query((db, param: { room: number; after: number; upTo: number }) =>
  db
    .selectFrom('state_log')
    .select(['type', 'state_key as stateKey'])
    .where('room', '=', param.room)
    .where('position', '>', param.after)
    .where('position', '<=', param.upTo)
    .where('event', 'is', null)
    .where((eb) => eb.or([eb('until_position', 'is', null), eb('until_position', '>', param.upTo)]))
    .orderBy('position'),
)

export const toPlaced = (row: EventRow & { entry_type: string; entry_key: string; placed_at: number }) => ({
  change: { position: row.placed_at, type: row.entry_type, stateKey: row.entry_key } satisfies PlacedChange,
  event: toStoredEvent(row),
})

export const statePagesReader = (
  db: Db,
): Pick<RoomStateReader, 'stateInForce' | 'stateReplaced' | 'stateChangesPage' | 'stateRemoved'> => ({
  stateInForce: async (room, { after, beforeType = LAST_TYPE, limit }) =>
    (await db.all(inForce, { room, ...after, beforeType, limit })).map(toPlaced),

  stateReplaced: async (room, at, after, limit) =>
    (await db.all(replaced, { room, at, ...after, limit })).map(toPlaced),

  stateChangesPage: async (room, after, upTo, limit) =>
    (await db.all(changed, { room, at: upTo, ...after, limit })).map(toPlaced),

  stateRemoved: (room, after, upTo) => db.all(removed, { room, after, upTo }),
})
