import type { EventId } from '#spec'
import type { RoomsReader, StoredEvent } from '../../ports/rooms/rooms.ts'
import type { Db } from '../engine/index.ts'
import { selectEvents, selectShownEvents, toStoredEvent } from './stored-events.ts'
import { query } from './tables.ts'

const eventById = query((db, param: { eventId: EventId }) => selectEvents(db).where('e.event_id', '=', param.eventId))

const eventsById = query((db, param: { eventIds: readonly EventId[] }, { texts }) =>
  selectEvents(db).where('e.event_id', 'in', texts(param.eventIds)),
)

interface Range {
  readonly room: number
  readonly after: number
  readonly before: number
  readonly limit: number
}
const timelineIn = (direction: 'asc' | 'desc') =>
  query((db, param: Range) =>
    selectShownEvents(db)
      .where('e.room', '=', param.room)
      .where('e.position', '>', param.after)
      .where('e.position', '<', param.before)
      .orderBy('e.position', direction)
      .limit(param.limit),
  )
const timelineForward = timelineIn('asc')
const timelineBackward = timelineIn('desc')

const eventsOfAllRooms = query((db, param: { after: number; upTo: number; limit: number }) =>
  selectShownEvents(db)
    .where('e.position', '>', param.after)
    .where('e.position', '<=', param.upTo)
    .orderBy('e.position')
    .limit(param.limit),
)

const eventAtOrAfter = query((db, param: { room: number; atMs: number }) =>
  selectShownEvents(db)
    .where('e.room', '=', param.room)
    .where('e.origin_server_ts', '>=', param.atMs)
    .orderBy('e.origin_server_ts')
    .orderBy('e.position')
    .limit(1),
)
const eventAtOrBefore = query((db, param: { room: number; atMs: number }) =>
  selectShownEvents(db)
    .where('e.room', '=', param.room)
    .where('e.origin_server_ts', '<=', param.atMs)
    .orderBy('e.origin_server_ts', 'desc')
    .orderBy('e.position', 'desc')
    .limit(1),
)

const eventOfTransaction = query((db, param: { device: number; scope: string; id: string }) =>
  db
    .selectFrom('events')
    .select('event_id')
    .where('txn_device', '=', param.device)
    .where('txn_scope', '=', param.scope)
    .where('txn_id', '=', param.id),
)

type EventsReader = Pick<
  RoomsReader,
  'event' | 'events' | 'timeline' | 'eventsAfter' | 'eventByTime' | 'transactionEvent'
>

const BEFORE_ALL = Number.MIN_SAFE_INTEGER
const AFTER_ALL = Number.MAX_SAFE_INTEGER

export const eventsReader = (db: Db): EventsReader => ({
  event: async (eventId) => {
    const row = await db.first(eventById, { eventId })
    return row && toStoredEvent(row)
  },

  events: async (eventIds) => {
    const rows = await db.all(eventsById, { eventIds })
    const found = new Map(rows.map((row) => [row.event_id, toStoredEvent(row)]))
    return eventIds.map((eventId) => found.get(eventId)).filter((event): event is StoredEvent => event !== undefined)
  },

  timeline: async (room, { after = BEFORE_ALL, before = AFTER_ALL, direction, limit }) => {
    const ask = direction === 'forward' ? timelineForward : timelineBackward
    const rows = await db.all(ask, { room, after, before, limit })
    return rows.map(toStoredEvent)
  },

  eventsAfter: async (after, upTo, limit) => {
    const rows = await db.all(eventsOfAllRooms, { after, upTo, limit })
    return rows.map(toStoredEvent)
  },

  eventByTime: async (room, atMs, direction) => {
    const row = await db.first(direction === 'forward' ? eventAtOrAfter : eventAtOrBefore, { room, atMs })
    return row && toStoredEvent(row)
  },

  transactionEvent: async (device, scope, id) => (await db.first(eventOfTransaction, { device, scope, id }))?.event_id,
})
