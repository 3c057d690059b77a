import type { Kysely } from 'kysely'
import { WriteConflict } from '../../../ports/engine/change.ts'
import type { EmptyRoom, RoomPurgesWriter } from '../../../ports/rooms/room-purges.ts'
import { defineWrite, insertInto, type Tx } from '../../engine/index.ts'
import { takeStrippedRooms } from '../changes/outside-rooms.ts'
import { isBase, storedBase } from '../room-base.ts'
import { query, type RoomTables } from '../tables.ts'

interface OfRoom {
  readonly room: number
}

const takeRoom = query((db, param: OfRoom) =>
  db.deleteFrom('rooms').where('room', '=', param.room).where('joined_count', '=', 0).where('invited_count', '=', 0),
)
const takeAnyRoom = query((db, param: OfRoom) => db.deleteFrom('rooms').where('room', '=', param.room))
const takeAliases = query((db, param: OfRoom) => db.deleteFrom('aliases').where('room', '=', param.room))
const takeListing = query((db, param: OfRoom) => db.deleteFrom('room_listings').where('room', '=', param.room))
const takeOpen = query((db, param: OfRoom) => db.deleteFrom('open_rooms').where('room', '=', param.room))
const takeOverview = query((db, param: OfRoom) => db.deleteFrom('room_overviews').where('room', '=', param.room))
const takeMemberships = query((db, param: OfRoom) =>
  db.deleteFrom('memberships').where('room', '=', param.room).returning('user_number'),
)
const takeServers = query((db, param: OfRoom) => db.deleteFrom('room_servers').where('room', '=', param.room))
const takePastServers = query((db, param: OfRoom) => db.deleteFrom('past_room_servers').where('room', '=', param.room))
const takeOutgoing = query((db, param: OfRoom) => db.deleteFrom('outgoing_rooms').where('room', '=', param.room))
const insertPurge = insertInto('room_purges', { room: 'integer', room_id: 'text' })

const firstOnes = (db: Kysely<RoomTables>, param: { room: number; events: number }) =>
  db.selectFrom('events').select('event').where('room', '=', param.room).orderBy('depth').limit(param.events)
const takeRefusals = query((db, param: { room: number; events: number }) =>
  db.deleteFrom('refusals').where('event', 'in', firstOnes(db, param)),
)
const firstStates = (db: Kysely<RoomTables>, param: { room: number; events: number }) =>
  db.selectFrom('branch_states').select('state').where('room', '=', param.room).orderBy('state').limit(param.events)
const takeBranchEntries = query((db, param: { room: number; events: number }) =>
  db.deleteFrom('branch_entries').where('state', 'in', firstStates(db, param)),
)
const takeBranchStates = query((db, param: { room: number; events: number }) =>
  db.deleteFrom('branch_states').where('state', 'in', firstStates(db, param)),
)
const takeEvents = query((db, param: { room: number; events: number }) =>
  db.deleteFrom('events').where('event', 'in', firstOnes(db, param)),
)
/** As many as events at once: an event has one relation and at most two indirect ones. */
const takeRelations = query((db, param: { room: number; events: number }) =>
  db.deleteFrom('relations').where('event', 'in', firstOnes(db, param)),
)
const takeIndirect = query((db, param: { room: number; events: number }) =>
  db.deleteFrom('indirect_relations').where('event', 'in', firstOnes(db, param)),
)
const someThreads = (db: Kysely<RoomTables>, param: { room: number; events: number }) =>
  db.selectFrom('threads').select('root').where('room', '=', param.room).limit(param.events)
const takeThreads = query((db, param: { room: number; events: number }) =>
  db.deleteFrom('threads').where('room', '=', param.room).where('root', 'in', someThreads(db, param)),
)
const someSenders = (db: Kysely<RoomTables>, param: { room: number; events: number }) =>
  db
    .selectFrom('thread_senders')
    .select(['root', 'sender'])
    .where('room', '=', param.room)
    .orderBy('root')
    .orderBy('sender')
    .limit(param.events)
const takeSenders = query((db, param: { room: number; events: number }) =>
  db
    .deleteFrom('thread_senders')
    .where('room', '=', param.room)
    .where((of) => of(of.refTuple('root', 'sender'), 'in', someSenders(db, param).$asTuple('root', 'sender'))),
)
const takeStateLog = query((db, param: { room: number; rows: number }) =>
  db
    .deleteFrom('state_log')
    .where('room', '=', param.room)
    .where('position', '<=', (of) =>
      of
        .selectFrom(
          of
            .selectFrom('state_log')
            .select('position')
            .where('room', '=', param.room)
            .orderBy('position')
            .limit(param.rows)
            .as('piece'),
        )
        .select((piece) => piece.fn.max('position').as('last')),
    ),
)
const takeTexts = (name: 'search_texts' | 'search_edits' | 'search_again') =>
  query((db, param: { room: number; events: number }) => db.deleteFrom(name).where('event', 'in', firstOnes(db, param)))
const TAKE_TEXTS = [takeTexts('search_texts'), takeTexts('search_edits'), takeTexts('search_again')]
const takeMissing = query((db, param: OfRoom) => db.deleteFrom('missing_events').where('room', '=', param.room))
const takeOfRoom = (
  name: 'lacking_events' | 'waiting_redactions' | 'resolved_changes' | 'entering_entries' | 'partial_rooms',
) => query((db, param: OfRoom) => db.deleteFrom(name).where('room', '=', param.room))
const TAKE_OF_ROOM = [
  takeOfRoom('lacking_events'),
  takeOfRoom('waiting_redactions'),
  takeOfRoom('resolved_changes'),
  takeOfRoom('entering_entries'),
  takeOfRoom('partial_rooms'),
]
const takePurge = query((db, param: OfRoom) => db.deleteFrom('room_purges').where('room', '=', param.room))

/** Events for each of which as much is removed as for a state of a branch. */
const STATES_FOR_EVENTS = 20

const beginWith = async (tx: Tx, take: typeof takeRoom, { room, roomId, base }: EmptyRoom): Promise<void> => {
  if (!isBase(await storedBase(tx, room), base)) throw new WriteConflict('room-changed')
  if ((await tx.run(take, { room })) === 0) throw new WriteConflict('room-changed')
  await tx.run(takeAliases, { room })
  await tx.run(takeListing, { room })
  await tx.run(takeOpen, { room })
  await tx.run(takeOverview, { room })
  await tx.run(takeMissing, { room })
  for (const takeOf of TAKE_OF_ROOM) await tx.run(takeOf, { room })
  await tx.run(takeServers, { room })
  await tx.run(takePastServers, { room })
  await tx.run(takeOutgoing, { room })
  await takeStrippedRooms(tx, room)
  const members = await tx.all(takeMemberships, { room })
  await tx.insertMany(insertPurge, [{ room, room_id: roomId }])
  // The position has no event, but caches that hold this room or these users' rooms must hear of the purge. It is stored in `stream_positions`,
  // as the rows of events go and positions never go back.
  const users = members.map(({ user_number }) => user_number)
  tx.announce({ stream: 'events', position: tx.next('events', 1), rooms: [room], users })
}

const begin = defineWrite('roomPurges.begin', ['events'], (tx, room: EmptyRoom) => beginWith(tx, takeRoom, room))
const beginOfAny = defineWrite('roomPurges.beginOfAny', ['events'], (tx, room: EmptyRoom) =>
  beginWith(tx, takeAnyRoom, room),
)

const go = defineWrite(
  'roomPurges.continue',
  async (tx, { room, events }: { room: number; events: number }): Promise<{ more: boolean }> => {
    // A state may have many entries.
    const states = Math.ceil(events / STATES_FOR_EVENTS)
    await tx.run(takeRefusals, { room, events })
    await tx.run(takeBranchEntries, { room, events: states })
    const branches = await tx.run(takeBranchStates, { room, events: states })
    for (const take of TAKE_TEXTS) await tx.run(take, { room, events })
    await tx.run(takeRelations, { room, events })
    await tx.run(takeIndirect, { room, events })
    const threads = await tx.run(takeThreads, { room, events })
    const senders = await tx.run(takeSenders, { room, events })
    const gone = await tx.run(takeEvents, { room, events })
    const rows = await tx.run(takeStateLog, { room, rows: events })
    return { more: [gone, threads, senders].includes(events) || branches === states || rows >= events }
  },
)

const finish = defineWrite('roomPurges.finish', async (tx, { room }: OfRoom): Promise<void> => {
  await tx.run(takePurge, { room })
})

export const roomPurgeWrites = [begin, beginOfAny, go, finish]

export const roomPurgesWriter: RoomPurgesWriter = {
  begin,
  beginOfAny,
  continue: (room, events) => go({ room, events }),
  finish: (room) => finish({ room }),
}
