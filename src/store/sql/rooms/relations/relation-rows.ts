import { type Expression, type Kysely, sql } from 'kysely'
import type { EventId } from '#spec'
import type { NewRelation } from '../../../ports/rooms/room-change.ts'
import type { Tx } from '../../engine/index.ts'
import { insertIndirectRelations, insertRelations } from '../relation-tables.ts'
import { query, type RoomTables } from '../tables.ts'

/** The event to which one relates, and the two beyond it to which that one relates. */
const ancestorsOf = query((db, param: { room: number; target: EventId }) =>
  db
    .selectFrom('events as p')
    .leftJoin('relations as second', 'second.event', 'p.event')
    .leftJoin('events as g', (join) => join.onRef('g.event_id', '=', 'second.target').onRef('g.room', '=', 'p.room'))
    .leftJoin('relations as third', 'third.event', 'g.event')
    .select(['p.event as parent', 'second.target as second', 'g.event as grandparent', 'third.target as third'])
    .where('p.event_id', '=', param.target)
    .where('p.room', '=', param.room),
)

interface Reply {
  readonly room: number
  readonly root: EventId
  readonly sender: number
  readonly event: number
}

const countReply = query((db, param: Omit<Reply, 'sender'>) =>
  db
    .insertInto('threads')
    .values({ room: param.room, root: param.root, replies: 1, latest: param.event })
    .onConflict((on) =>
      on.columns(['room', 'root']).doUpdateSet({
        replies: sql<number>`threads.replies + 1`,
        latest: sql<number>`case when threads.latest > excluded.latest then threads.latest else excluded.latest end`,
      }),
    ),
)
const countReplyOf = query((db, param: Reply) =>
  db
    .insertInto('thread_senders')
    .values({ room: param.room, root: param.root, sender: param.sender, replies: 1, latest: param.event })
    .onConflict((on) =>
      on.columns(['room', 'root', 'sender']).doUpdateSet({
        replies: sql<number>`thread_senders.replies + 1`,
        latest: sql<number>`case when thread_senders.latest > excluded.latest then thread_senders.latest else excluded.latest end`,
      }),
    ),
)

const takeRelation = query((db, param: { room: number; eventId: EventId }) =>
  db
    .deleteFrom('relations')
    .where('event', '=', (of) =>
      of.selectFrom('events').select('event').where('event_id', '=', param.eventId).where('room', '=', param.room),
    )
    .returning(['event', 'room', 'target', 'rel_type', 'sender']),
)
const takeIndirect = query((db, param: { event: number }) =>
  db.deleteFrom('indirect_relations').where('event', '=', param.event),
)

/** The number of the newest reply, where the one that goes was it: that of `newest`, and 0 where there is no other. */
const latestWithout = (event: number, newest: Expression<unknown>) =>
  sql<number>`case when latest = ${event} then coalesce(${newest}, 0) else latest end`

const repliesIn = (db: Kysely<RoomTables>, { room, root }: Pick<Reply, 'room' | 'root'>) =>
  db
    .selectFrom('relations')
    .select('event')
    .where('room', '=', room)
    .where('target', '=', root)
    .where('rel_type', '=', sql.lit('m.thread'))
    .limit(1)

const takeReply = query((db, param: Omit<Reply, 'sender'>) =>
  db
    .updateTable('threads')
    .set({
      replies: sql<number>`replies - 1`,
      latest: latestWithout(param.event, repliesIn(db, param).orderBy('depth', 'desc').orderBy('event', 'desc')),
    })
    .where('room', '=', param.room)
    .where('root', '=', param.root),
)
const takeReplyOf = query((db, param: Reply) => {
  const own = repliesIn(db, param).where('sender', '=', param.sender).where('annotation', 'is', null)
  return db
    .updateTable('thread_senders')
    .set({ replies: sql<number>`replies - 1`, latest: latestWithout(param.event, own.orderBy('place', 'desc')) })
    .where('room', '=', param.room)
    .where('root', '=', param.root)
    .where('sender', '=', param.sender)
})
const takeEmptyThread = query((db, param: { room: number; root: EventId }) =>
  db.deleteFrom('threads').where('room', '=', param.room).where('root', '=', param.root).where('replies', '<=', 0),
)
const takeEmptySender = query((db, param: { room: number; root: EventId; sender: number }) =>
  db
    .deleteFrom('thread_senders')
    .where('room', '=', param.room)
    .where('root', '=', param.root)
    .where('sender', '=', param.sender)
    .where('replies', '<=', 0),
)

/** An event that is stored, and how it relates to another one. */
export interface RelatingEvent {
  readonly event: number
  readonly room: number
  readonly type: string
  readonly sender: number
  readonly depth: number
  readonly relation: NewRelation
}

/** Stores what an event relates to by way of others. */
export const storeIndirect = async (
  tx: Tx,
  { event, room, depth, target }: Pick<RelatingEvent, 'event' | 'room' | 'depth'> & { readonly target: EventId },
): Promise<void> => {
  const found = await tx.first(ancestorsOf, { room, target })
  if (found === undefined || found.second === null || found.second === target) return
  const { parent, second, grandparent, third } = found
  const row = { event, room, parent, depth }
  const rows = [{ ...row, target: second, via: parent }]
  if (third !== null && grandparent !== null && third !== target && third !== second)
    rows.push({ ...row, target: third, via: grandparent })
  await tx.insertMany(insertIndirectRelations, rows)
}

/** Stores the relation of an event; a reply in a thread is counted there. */
export const storeRelation = async (tx: Tx, relating: RelatingEvent): Promise<void> => {
  const { event, room, type, sender, depth, relation } = relating
  const { target, relType, edits, annotation = null } = relation
  await tx.insertMany(insertRelations, [
    { event, room, target, rel_type: relType, type, sender, depth, edits: edits ? 1 : null, annotation, place: event },
  ])
  await storeIndirect(tx, { event, room, depth, target })
  if (relType !== 'm.thread') return
  await tx.run(countReply, { room, root: target, event })
  await tx.run(countReplyOf, { room, root: target, sender, event })
}

/** A redacted event relates to nothing any more. */
export const dropRelation = async (tx: Tx, room: number, eventId: EventId): Promise<void> => {
  const gone = await tx.first(takeRelation, { room, eventId })
  if (gone === undefined) return
  const { event, target: root, sender } = gone
  await tx.run(takeIndirect, { event })
  if (gone.rel_type !== 'm.thread') return
  await tx.run(takeReply, { room, root, event })
  await tx.run(takeReplyOf, { room, root, sender, event })
  await tx.run(takeEmptyThread, { room, root })
  await tx.run(takeEmptySender, { room, root, sender })
}
