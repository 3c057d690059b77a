import type { EventId } from '#spec'
import type { EventNumber, HistoryPlace } from '../../../ports/rooms/events.ts'
import type { RetentionReader, RetentionWriter } from '../../../ports/rooms/retention.ts'
import { type Db, defineWrite, queriesOver, type Tx } from '../../engine/index.ts'
import { dropRelation } from '../relations/relation-rows.ts'
import { removeRedactedText } from '../removed-texts.ts'
import { branchesIn, newestOf } from '../room-base.ts'
import type { RoomTables } from '../tables.ts'

interface Tables extends RoomTables {
  readonly retention_progress: { readonly room: number; readonly depth: number; readonly event: number }
  readonly sticky_events: { readonly event: number }
}

const query = queriesOver<Tables>()

const roomsPage = query((db, param: { room: number; limit: number }) =>
  db
    .selectFrom('rooms')
    .select(['room', 'room_id as roomId', 'version'])
    .where('room', '>', param.room)
    .orderBy('room')
    .limit(param.limit),
)
const progressOf = query((db, param: { room: number }) =>
  db.selectFrom('retention_progress').select(['depth', 'event']).where('room', '=', param.room),
)
const agedPage = query((db, param: { room: number; depth: number; event: number; limit: number }) =>
  db
    .selectFrom('events as e')
    .innerJoin('users as u', 'u.user_number', 'e.sender')
    .select(['e.event', 'e.depth', 'e.state_key', 'e.origin_server_ts', 'u.user_id'])
    .where('e.room', '=', param.room)
    .where('e.placed', '<=', 1)
    .where('e.depth', '>=', param.depth)
    .where((of) => of.or([of('e.depth', '>', param.depth), of('e.event', '>', param.event)]))
    .orderBy('e.depth')
    .orderBy('e.event')
    .limit(param.limit),
)
const headRow = query((db, param: { room: number }) =>
  db
    .selectFrom('rooms as r')
    .select((of) => ['r.extremities', newestOf(of).select('e.event').as('newest')])
    .where('r.room', '=', param.room),
)
const numbersOf = query((db, param: { eventIds: readonly EventId[] }, { texts }) =>
  db.selectFrom('events').select('event').where('event_id', 'in', texts(param.eventIds)),
)

interface Reading {
  first: Db['first']
  all: Db['all']
}

/** The newest event of the timeline is always one: positions of the stream must not go back. */
const headsOf = async (db: Reading, room: number): Promise<readonly EventNumber[]> => {
  const row = await db.first(headRow, { room })
  if (row === undefined) return []
  const eventIds = row.extremities === null ? [] : branchesIn(row.extremities).map(({ eventId }) => eventId)
  const branches = eventIds.length === 0 ? [] : await db.all(numbersOf, { eventIds })
  return [...(row.newest === null ? [] : [row.newest]), ...branches.map(({ event }) => event)]
}

export const retentionReader = (db: Db): RetentionReader => ({
  roomsAfter: (room, limit) => db.all(roomsPage, { room, limit }),
  examined: (room) => db.first(progressOf, { room }),
  aged: async (room, after, limit) => {
    const rows = await db.all(agedPage, { room, ...after, limit })
    return rows.map(({ event, depth, state_key, origin_server_ts, user_id }) => ({
      event,
      depth,
      isState: state_key !== null,
      sender: user_id,
      originServerTs: origin_server_ts,
    }))
  },
  heads: (room) => headsOf(db, room),
})

const messagesAmong = query((db, param: { room: number; events: readonly EventNumber[] }, { integers }) =>
  db
    .selectFrom('events')
    .select(['event', 'event_id'])
    .where('event', 'in', integers(param.events))
    .where('room', '=', param.room)
    .where('state_key', 'is', null),
)
const takeSticky = query((db, param: { events: readonly EventNumber[] }, { integers }) =>
  db.deleteFrom('sticky_events').where('event', 'in', integers(param.events)),
)
const takeEvents = query((db, param: { events: readonly EventNumber[] }, { integers }) =>
  db.deleteFrom('events').where('event', 'in', integers(param.events)),
)
const putProgress = query((db, param: { room: number; depth: number; event: number }) =>
  db
    .insertInto('retention_progress')
    .values({ room: param.room, depth: param.depth, event: param.event })
    .onConflict((on) => on.column('room').doUpdateSet({ depth: param.depth, event: param.event })),
)
const stripEvent = query((db, param: { room: number; event: number; json: string }) =>
  db
    .updateTable('events')
    .set({ json: param.json })
    .where('event', '=', param.event)
    .where('room', '=', param.room)
    .where('state_key', 'is', null)
    .returning('event_id'),
)
const takeProgress = query((db, param: { room: number }) =>
  db.deleteFrom('retention_progress').where('room', '=', param.room),
)

const placeRemoval = query((db, param: { room: number; position: number }) =>
  db.updateTable('rooms').set({ last_removal_position: param.position }).where('room', '=', param.room),
)

/** The position has no event, but caches that hold messages of the room, or count them, must hear of it. */
const tellRemoval = async (tx: Tx, room: number): Promise<void> => {
  const position = tx.next('events', 1)
  await tx.run(placeRemoval, { room, position })
  tx.announce({ stream: 'events', position, rooms: [room], users: [] })
}

interface Removal {
  readonly room: number
  readonly events: readonly EventNumber[]
  readonly examined: HistoryPlace | undefined
}

const remove = defineWrite(
  'retention.remove',
  ['events'],
  async (tx, { room, events, examined }: Removal): Promise<void> => {
    const heads = new Set(await headsOf(tx, room))
    const messages = (await tx.all(messagesAmong, { room, events })).filter(({ event }) => !heads.has(event))
    for (const { event_id: eventId } of messages) {
      await removeRedactedText(tx, room, eventId)
      await dropRelation(tx, room, eventId)
    }
    const gone = messages.map(({ event }) => event)
    if (gone.length > 0) {
      for (const take of [takeSticky, takeEvents]) await tx.run(take, { events: gone })
      await tellRemoval(tx, room)
    }
    if (examined !== undefined) await tx.run(putProgress, { room, depth: examined.depth, event: examined.event })
  },
)

const strip = defineWrite(
  'retention.strip',
  ['events'],
  async (tx, input: { room: number; event: EventNumber; json: string }): Promise<void> => {
    const stripped = await tx.first(stripEvent, input)
    if (stripped === undefined) return
    await removeRedactedText(tx, input.room, stripped.event_id)
    await dropRelation(tx, input.room, stripped.event_id)
    await tellRemoval(tx, input.room)
  },
)

const removeRoom = defineWrite('retention.removeRoom', async (tx, input: { room: number }): Promise<void> => {
  await tx.run(takeProgress, input)
})

export const retentionWrites = [remove, strip, removeRoom]

export const retentionWriter: RetentionWriter = {
  remove: (room, events, examined) => remove({ room, events, examined }),
  strip: (room, event, json) => strip({ room, event, json }),
  removeRoom: (room) => removeRoom({ room }),
}
