import { type ExpressionBuilder, type Kysely, sql } from 'kysely'
import type { EventId, UserId } from '#spec'
import type { RelationsReader, Stretch } from '../../../ports/rooms/relations.ts'
import type { Db } from '../../engine/index.ts'
import { selectEvents, toStoredEvent } from '../stored-events.ts'
import { query, type RoomTables } from '../tables.ts'
import { relationPagesReader } from './relation-pages.ts'

/** A plus before a column keeps the planner from walking over an index of all relations by it. */
const PLAIN_PLACE = sql<number>`+r.place`
/** Written as the index is defined: a partial index serves a literal only. */
const EDITS = sql.lit(1)
const REFERENCE = sql.lit('m.reference')
const THREAD = sql.lit('m.thread')

type OfEvent = ExpressionBuilder<RoomTables & { readonly e: RoomTables['events'] }, 'e'>

/** By the sender of the event and of its type; state is not replaced. */
const replacementsOf = ({ selectFrom }: OfEvent) =>
  selectFrom('relations as n')
    .whereRef('n.room', '=', 'e.room')
    .whereRef('n.target', '=', 'e.event_id')
    .whereRef('n.sender', '=', 'e.sender')
    .whereRef('n.type', '=', 'e.type')
    .where('n.edits', '=', EDITS)

const referencesOf = ({ selectFrom }: OfEvent) =>
  selectFrom('relations as n')
    .whereRef('n.room', '=', 'e.room')
    .whereRef('n.target', '=', 'e.event_id')
    .where('n.rel_type', '=', REFERENCE)

const relatedAmong = query((db, param: { eventIds: readonly EventId[] }, { texts }) =>
  db
    .selectFrom('events as e')
    .leftJoin('threads as t', (join) => join.onRef('t.room', '=', 'e.room').onRef('t.root', '=', 'e.event_id'))
    .select(['e.event_id', 't.replies', 't.latest'])
    .select((of) => [
      of.exists(replacementsOf(of as never).select('n.event')).as('edited'),
      of.exists(referencesOf(of as never).select('n.event')).as('referenced'),
    ])
    .where('e.event_id', 'in', texts(param.eventIds)),
)

/** Replacements that are looked at: the newest is that with the newest time, and nearly always the last that came. */
const REPLACEMENTS = 5

const replacements = query((db, param: Stretch & { eventIds: readonly EventId[] }, { texts }) =>
  db
    .selectFrom('events as e')
    // Joined in this order: by the number of relations that an event has on average, the planner would begin with all of them.
    .crossJoin('relations as r')
    .crossJoin('events as c')
    .whereRef('r.room', '=', 'e.room')
    .whereRef('r.target', '=', 'e.event_id')
    .whereRef('r.sender', '=', 'e.sender')
    .whereRef('r.type', '=', 'e.type')
    .where('r.edits', '=', EDITS)
    .whereRef('c.event', '=', 'r.event')
    .select(['e.event_id as original', 'c.event_id as eventId', 'c.origin_server_ts as originServerTs'])
    .where('e.event_id', 'in', texts(param.eventIds))
    .where(PLAIN_PLACE, '<=', param.upTo)
    .where(PLAIN_PLACE, '>', param.after)
    .where('r.place', '>=', (of) =>
      of.fn.coalesce(
        replacementsOf(of as never)
          .select('n.place')
          .where('n.place', '<=', param.upTo)
          .orderBy('n.place', 'desc')
          .limit(1)
          .offset(sql<number>`${sql.lit(REPLACEMENTS)} - 1`),
        sql<number>`${sql.lit(Number.MIN_SAFE_INTEGER)}`,
      ),
    ),
)

const references = query((db, param: Stretch & { eventIds: readonly EventId[]; skipped: number }, { texts }) =>
  db
    .selectFrom('events as e')
    .crossJoin('relations as r')
    .crossJoin('events as c')
    .crossJoin('users as u')
    .whereRef('r.room', '=', 'e.room')
    .whereRef('r.target', '=', 'e.event_id')
    .where('r.rel_type', '=', REFERENCE)
    .whereRef('c.event', '=', 'r.event')
    .whereRef('u.user_number', '=', 'c.sender')
    .select(['e.event_id as target', 'c.event_id as eventId', 'u.user_id as sender'])
    .where('e.event_id', 'in', texts(param.eventIds))
    .where(PLAIN_PLACE, '<=', param.upTo)
    .where(PLAIN_PLACE, '>', param.after)
    .where('r.depth', '>=', (of) =>
      of.fn.coalesce(
        referencesOf(of as never)
          .select('n.depth')
          .where(sql<number>`+n.place`, '<=', param.upTo)
          .orderBy('n.depth', 'desc')
          .orderBy('n.event', 'desc')
          .limit(1)
          .offset(sql<number>`${param.skipped}`),
        sql<number>`${sql.lit(Number.MIN_SAFE_INTEGER)}`,
      ),
    )
    .orderBy('r.depth')
    .orderBy('r.event'),
)

interface OfThreads {
  readonly room: number
  readonly roots: readonly EventId[]
  readonly senders: readonly UserId[]
}

const numbersOfSenders = (db: Pick<Kysely<RoomTables>, 'selectFrom'>, senders: ReturnType<Texts>) =>
  db
    .selectFrom('users')
    .select('user_number')
    .where('user_id', 'in', senders as never)
type Texts = (list: readonly UserId[]) => unknown

const repliesOf = query((db, param: OfThreads, { texts }) =>
  db
    .selectFrom('thread_senders as s')
    .innerJoin('users as u', 'u.user_number', 's.sender')
    .select(['s.root', 's.replies', 's.latest', 'u.user_id as sender'])
    .where('s.room', '=', param.room)
    .where('s.root', 'in', texts(param.roots))
    .where('s.sender', 'in', numbersOfSenders(db, texts(param.senders))),
)

const latestWithout = query((db, param: OfThreads, { texts }) =>
  db
    .selectFrom('thread_senders as s')
    .select((of) => ['s.root', of.fn.max('s.latest').as('latest')])
    .where('s.room', '=', param.room)
    .where('s.root', 'in', texts(param.roots))
    .where('s.sender', 'not in', numbersOfSenders(db, texts(param.senders)))
    .groupBy('s.root'),
)

const repliesIn = query((db, param: OfThreads & Stretch, { texts }) =>
  db
    .selectFrom('relations as r')
    .select((of) => ['r.target as root', of.fn.countAll<number>().as('replies'), of.fn.max('r.event').as('latest')])
    .where('r.room', '=', param.room)
    .where('r.target', 'in', texts(param.roots))
    .where('r.rel_type', '=', THREAD)
    .where(PLAIN_PLACE, '>', param.after)
    .where(PLAIN_PLACE, '<=', param.upTo)
    .where('r.sender', 'not in', numbersOfSenders(db, texts(param.senders)))
    .groupBy('r.target'),
)

const eventsByNumber = query((db, param: { events: readonly number[] }, { integers }) =>
  selectEvents(db).where('e.event', 'in', integers(param.events)),
)

const threads = query((db, param: { room: number; before: number; user: number; limit: number }) =>
  db
    .selectFrom('threads as t')
    .select(['t.root', 't.latest'])
    .select((of) => [
      of
        .exists(
          of
            .selectFrom('thread_senders as s')
            .select('s.latest')
            .whereRef('s.room', '=', 't.room')
            .whereRef('s.root', '=', 't.root')
            .where('s.sender', '=', param.user),
        )
        .as('replied'),
    ])
    .where('t.room', '=', param.room)
    .where('t.latest', '<', param.before)
    .orderBy('t.latest', 'desc')
    .limit(param.limit),
)

const annotation = query((db, param: { room: number; target: EventId; sender: UserId; annotation: number }) =>
  db
    .selectFrom('relations as r')
    .innerJoin('users as u', 'u.user_number', 'r.sender')
    .select('r.event')
    .where('u.user_id', '=', param.sender)
    .where('r.room', '=', param.room)
    .where('r.target', '=', param.target)
    .where('r.rel_type', '=', sql.lit('m.annotation'))
    .where('r.annotation', '=', param.annotation)
    .limit(1),
)

const ownRelType = query((db, param: { room: number; eventId: EventId }) =>
  db
    .selectFrom('events as e')
    .innerJoin('relations as r', 'r.event', 'e.event')
    .select('r.rel_type')
    .where('e.event_id', '=', param.eventId)
    .where('e.room', '=', param.room),
)

export const relationsReader = (db: Db): RelationsReader => ({
  ...relationPagesReader(db),

  relatedAmong: async (eventIds) => {
    const rows = await db.all(relatedAmong, { eventIds })
    return rows.flatMap(({ event_id: eventId, replies, latest, ...row }) => {
      const [edited, referenced] = [Boolean(row.edited), Boolean(row.referenced)]
      const thread = replies === null || latest === null ? undefined : { replies, latest }
      return edited || referenced || thread !== undefined ? [{ eventId, edited, referenced, thread }] : []
    })
  },

  replacements: (eventIds, stretch) => db.all(replacements, { eventIds, ...stretch }),

  references: (eventIds, stretch, limit) => db.all(references, { eventIds, ...stretch, skipped: limit - 1 }),

  repliesOf: (room, roots, senders) => db.all(repliesOf, { room, roots, senders }),

  latestWithout: (room, roots, senders) => db.longAll(latestWithout, { room, roots, senders }),

  repliesIn: async (room, roots, senders, stretch) => {
    const rows = await db.longAll(repliesIn, { room, roots, senders, ...stretch })
    return rows.map(({ root, replies, latest }) => ({ root, replies: Number(replies), latest }))
  },

  eventsByNumber: async (events) => (await db.all(eventsByNumber, { events })).map(toStoredEvent),

  threads: async (room, before, user, limit) => {
    const rows = await db.all(threads, { room, before, user, limit })
    return rows.map(({ root, latest, replied }) => ({ root, latest, participated: Boolean(replied) }))
  },

  isAnnotated: async (room, target, sender, number) =>
    (await db.first(annotation, { room, target, sender, annotation: number })) !== undefined,

  ownRelType: async (room, eventId) => (await db.first(ownRelType, { room, eventId }))?.rel_type,
})
