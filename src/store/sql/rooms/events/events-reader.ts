import { sql } from 'kysely'
import type { EventId, UserId } from '#spec'
import type { EventsReader, HistoryPlace, StoredEvent } from '../../../ports/rooms/events.ts'
import type { Db } from '../../engine/index.ts'
import { selectEvents, toStoredEvent } from '../stored-events.ts'
import { eventOfTransaction, query } from '../tables.ts'

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
    selectEvents(db)
      .where('e.room', '=', param.room)
      .where('e.position', '>', param.after)
      .where('e.position', '<', param.before)
      .orderBy('e.position', direction)
      .limit(param.limit),
  )
const timelineForward = timelineIn('asc')
const timelineBackward = timelineIn('desc')

interface HistoryRange {
  readonly room: number
  readonly afterDepth: number
  readonly afterEvent: number
  readonly upToDepth: number
  readonly upToEvent: number
  readonly limit: number
}
/** Written as the index of histories is defined: a partial index serves a literal only. */
const historyIn = (direction: 'asc' | 'desc') =>
  query((db, param: HistoryRange) =>
    selectEvents(db)
      .where('e.room', '=', param.room)
      .where('e.placed', '<=', sql.lit(1))
      .where(sql<boolean>`(e.depth, e.event) > (${param.afterDepth}, ${param.afterEvent})`)
      .where(sql<boolean>`(e.depth, e.event) <= (${param.upToDepth}, ${param.upToEvent})`)
      .orderBy('e.depth', direction)
      .orderBy('e.event', direction)
      .limit(param.limit),
  )
const historyForward = historyIn('asc')
const historyBackward = historyIn('desc')

const sentAfter = query((db, param: { room: number; after: number }) =>
  db
    .selectFrom('events')
    .select(['position', 'origin_server_ts as originServerTs'])
    .where('room', '=', param.room)
    .where('position', '>', param.after)
    .orderBy('position')
    .limit(1),
)

/** Halves the stretch of positions in question with each event that it reads: no index of times is needed, which each send would have to keep. */
const positionAtTime = async (db: Db, room: number, time: number): Promise<number> => {
  let from = 0
  let upTo = (await db.first(newestUpTo, { room, position: AFTER_ALL }))?.event ?? 0
  while (from < upTo) {
    const after = from + Math.floor((upTo - from) / 2)
    const next = await db.first(sentAfter, { room, after })
    if (next?.position === null || next === undefined || next.originServerTs >= time) upTo = after
    else from = Math.min(next.position, upTo)
  }
  return from
}

interface EntryRange {
  readonly room: number
  readonly type: string
  readonly stateKey: string
  readonly position: number
}
const entrySet = (direction: 'asc' | 'desc') =>
  query((db, param: EntryRange) =>
    db
      .selectFrom('state_log')
      .select('position')
      .where('room', '=', param.room)
      .where('type', '=', param.type)
      .where('state_key', '=', param.stateKey)
      .where('position', direction === 'asc' ? '>' : '<', param.position)
      .orderBy('position', direction)
      .limit(1),
  )
const entrySetLater = entrySet('asc')
const entrySetEarlier = entrySet('desc')

const newestUpTo = query((db, param: { room: number; position: number }) =>
  db
    .selectFrom('events')
    .select(['depth', 'event'])
    .where('room', '=', param.room)
    .where('position', '<=', param.position)
    .orderBy('position', 'desc')
    .limit(1),
)

/** Branches are seldom longer than this, and most rooms have none. */
const LOOKED_AT_FOR_DEPTH = 100

const deepestUpTo = query((db, param: { room: number; position: number }) =>
  db
    .selectFrom((eb) =>
      eb
        .selectFrom('events')
        .select(['depth', 'event'])
        .where('room', '=', param.room)
        .where('position', '<=', param.position)
        .orderBy('position', 'desc')
        .limit(LOOKED_AT_FOR_DEPTH)
        .as('newest'),
    )
    .select(['depth', 'event'])
    .orderBy('depth', 'desc')
    .orderBy('event', 'desc')
    .limit(1),
)

/** Each room's newest events by its index, and the newest of these: what else happens on the server costs nothing. */
const inRoomsOf = query((db, param: { user: number; before: number; limit: number }) =>
  selectEvents(db)
    .where('e.event', 'in', (eb) =>
      eb
        .selectFrom('memberships as m')
        .innerJoin('events as near', 'near.room', 'm.room')
        .select('near.event')
        .where('m.user_number', '=', param.user)
        .where('m.membership', 'in', ['join', 'invite'])
        .where('near.position', 'is not', null)
        .where('near.position', '<', param.before)
        .where('near.position', '>=', (inner) =>
          inner.fn.coalesce(
            inner
              .selectFrom('events as nth')
              .select('nth.position')
              .whereRef('nth.room', '=', 'm.room')
              .where('nth.position', 'is not', null)
              .where('nth.position', '<', param.before)
              .orderBy('nth.position', 'desc')
              .limit(1)
              .offset(sql<number>`${param.limit} - 1`),
            sql<number>`0`,
          ),
        )
        .orderBy('near.position', 'desc')
        .limit(param.limit),
    )
    .orderBy('e.event', 'desc'),
)

/** Without an index of senders, which each send would have to keep: the room's timeline is gone through from its newest event back. */
const unredactedOf = query((db, param: { room: number; sender: UserId; after: number; limit: number }) =>
  selectEvents(db)
    .where('e.room', '=', param.room)
    .where('e.position', 'is not', null)
    .where('e.position', '>', param.after)
    .where('e.sender', '=', (eb) =>
      eb.selectFrom('users as sent').select('sent.user_number').where('sent.user_id', '=', param.sender),
    )
    .where('e.redacted_by', 'is', null)
    .where('e.type', '<>', 'm.room.redaction')
    .where((eb) => eb.or([eb('e.state_key', 'is', null), eb('e.type', '=', 'm.room.member')]))
    .orderBy('e.position', 'desc')
    .limit(param.limit),
)

const countedBack = query((db, param: { room: number; upTo: number; before: number }) =>
  db
    .selectFrom('events')
    .select(sql<number>`position`.as('position'))
    .where('room', '=', param.room)
    .where('position', 'is not', null)
    .where('position', '<=', param.upTo)
    .orderBy('position', 'desc')
    .limit(1)
    .offset(param.before),
)

/** Numbers above zero are positions of the stream, so this is one range of the primary key. */
const eventsOfAllRooms = query((db, param: { after: number; upTo: number; limit: number }) =>
  selectEvents(db)
    .where('e.event', '>', param.after)
    .where('e.event', '<=', param.upTo)
    .orderBy('e.event')
    .limit(param.limit),
)

/** Events of a room among which those of one sender are looked for. */
const LOOKED_AT = 1_000_000

const BEFORE_ALL = Number.MIN_SAFE_INTEGER
const AFTER_ALL = Number.MAX_SAFE_INTEGER
const FIRST_PLACE: HistoryPlace = { depth: BEFORE_ALL, event: BEFORE_ALL }
const LAST_PLACE: HistoryPlace = { depth: AFTER_ALL, event: AFTER_ALL }

export const eventsReader = (db: Db): Omit<EventsReader, 'relatedBy'> => ({
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

  history: async (room, { after = FIRST_PLACE, upTo = LAST_PLACE, direction, limit }) => {
    const ask = direction === 'forward' ? historyForward : historyBackward
    const rows = await db.all(ask, {
      room,
      afterDepth: after.depth,
      afterEvent: after.event,
      upToDepth: upTo.depth,
      upToEvent: upTo.event,
      limit,
    })
    return rows.map(toStoredEvent)
  },

  positionAtTime: (room, time) => positionAtTime(db, room, time),

  entrySetBeyond: async (room, entry, { position, direction }) =>
    (await db.first(direction === 'forward' ? entrySetLater : entrySetEarlier, { room, ...entry, position }))?.position,

  placeAt: (room, position) => db.first(newestUpTo, { room, position }),

  placeBehind: (room, position) => db.first(deepestUpTo, { room, position }),

  eventsAfter: async (after, upTo, limit) => {
    const rows = await db.all(eventsOfAllRooms, { after: Math.max(0, after), upTo, limit })
    return rows.map(toStoredEvent)
  },

  inRoomsOf: async (user, before, limit) => {
    const rows = await db.longAll(inRoomsOf, { user, before, limit })
    return rows.map(toStoredEvent)
  },

  unredactedOf: async (room, sender, limit, after = 0) => {
    const [oldest] = await db.longAll(countedBack, { room, upTo: AFTER_ALL, before: LOOKED_AT })
    const rows = await db.longAll(unredactedOf, { room, sender, after: Math.max(after, oldest?.position ?? 0), limit })
    return rows.map(toStoredEvent)
  },

  countedBack: async (room, upTo, count) =>
    (await db.first(countedBack, { room, upTo, before: count - 1 }))?.position ?? 0,

  transactionEvent: async (device, scope, id) => (await db.first(eventOfTransaction, { device, scope, id }))?.event_id,
})
