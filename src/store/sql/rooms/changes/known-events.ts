import type { EventId } from '#spec'
import { WriteConflict } from '../../../ports/engine/change.ts'
import type { EventNumber } from '../../../ports/rooms/events.ts'
import type { InsertRow } from '../../engine/index.ts'
import { insertInto, type Tx } from '../../engine/index.ts'
import { type insertEvents, query } from '../tables.ts'

interface Placed {
  readonly room: number
  readonly known: EventNumber
  readonly event: EventNumber
  readonly position: number | null
  readonly placed: number
  readonly depth: number
  readonly priorAt: number | null
  readonly priorState: number | null
  readonly historyAt: number | null
  readonly replaces: number | null
  readonly json: string
}

/** Only events that nobody was shown get another number: outliers and refused ones. */
const place = query((db, param: Placed) =>
  db
    .updateTable('events')
    .set((eb) => ({
      event: param.event,
      position: param.position,
      placed: param.placed,
      depth: param.depth,
      prior_at: param.priorAt,
      prior_state: param.priorState,
      history_at: param.historyAt,
      replaces: param.replaces,
      json: eb.case().when('redacted_by', 'is', null).then(param.json).else(eb.ref('json')).end(),
    }))
    .where('event', '=', param.known)
    .where('room', '=', param.room)
    .where('placed', '>', 1),
)

interface Renumbered {
  readonly room: number
  readonly type: string
  readonly stateKey: string
  readonly known: EventNumber
  readonly event: EventNumber
}

const inStateLog = query((db, param: Renumbered) =>
  db
    .updateTable('state_log')
    .set({ event: param.event })
    .where('room', '=', param.room)
    .where('type', '=', param.type)
    .where('state_key', '=', param.stateKey)
    .where('event', '=', param.known),
)
/** Events that replaced it set the same entry. */
const asReplaced = query((db, param: Renumbered) =>
  db
    .updateTable('events')
    .set({ replaces: param.event })
    .where('replaces', '=', param.known)
    .where('event', 'in', (eb) =>
      eb
        .selectFrom('state_log as s')
        .select('s.event')
        .where('s.room', '=', param.room)
        .where('s.type', '=', param.type)
        .where('s.state_key', '=', param.stateKey),
    ),
)
/** Written for the index `branch_entries_of_outliers`. */
const inBranches = query((db, param: Pick<Renumbered, 'known' | 'event'>) =>
  db
    .updateTable('branch_entries')
    .set({ event: param.event })
    .where('event', '=', param.known)
    .where((eb) => eb('event', '<', eb.lit(0))),
)
const inChanges = (column: 'before' | 'after') =>
  query((db, param: Renumbered) =>
    db
      .updateTable('resolved_changes')
      .set({ [column]: param.event })
      .where('room', '=', param.room)
      .where(column, '=', param.known),
  )
const CHANGES = [inChanges('before'), inChanges('after')]

const takeRefusal = query((db, param: { event: EventNumber }) =>
  db.deleteFrom('refusals').where('event', '=', param.event),
)
const takeLacking = query((db, param: { room: number; eventId: EventId }) =>
  db.deleteFrom('lacking_events').where('room', '=', param.room).where('event_id', '=', param.eventId),
)

export const insertRefusals = insertInto('refusals', { event: 'integer', reason: 'text' }, { ifExists: 'ignore' })
export const insertLacking = insertInto(
  'lacking_events',
  { room: 'integer', lacked: 'text', event_id: 'text' },
  { ifExists: 'ignore' },
)

/**
 * Gives an event that is stored already its place in the room's history or timeline; in the timeline its number becomes the position, as that
 * of every event there, and all that names the event follows. Throws `room-changed` if somebody did so before.
 */
export const placeKnownEvent = async (
  tx: Tx,
  known: EventNumber,
  row: InsertRow<typeof insertEvents>,
): Promise<void> => {
  const { room, event, position, placed, depth, replaces, json } = row
  const [priorAt, priorState, historyAt] = [row.prior_at, row.prior_state, row.history_at]
  const found = await tx.run(place, {
    room,
    known,
    event,
    position,
    placed,
    depth,
    priorAt,
    priorState,
    historyAt,
    replaces,
    json,
  })
  if (found === 0) throw new WriteConflict('room-changed')
  await tx.run(takeRefusal, { event: known })
  await tx.run(takeLacking, { room, eventId: row.event_id as EventId })
  if (event === known || row.state_key === null) return
  const renumbered = { room, type: row.type, stateKey: row.state_key, known, event }
  await tx.run(inStateLog, renumbered)
  await tx.run(asReplaced, renumbered)
  await tx.run(inBranches, { known, event })
  for (const change of CHANGES) await tx.run(change, renumbered)
}
