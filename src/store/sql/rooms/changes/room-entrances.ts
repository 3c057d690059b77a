import { sql } from 'kysely'
import type { EventId, Membership, RoomId, UserId } from '#spec'
import type { EventNumber } from '../../../ports/rooms/events.ts'
import {
  type AppliedRoomChange,
  type GatheredState,
  headOf,
  type NewStoredEvent,
  type RoomEntrance,
} from '../../../ports/rooms/room-change.ts'
import { defineWrite, insertInto, type Tx } from '../../engine/index.ts'
import { ServerRows } from '../servers/room-server-rows.ts'
import { PLACINGS, query } from '../tables.ts'
import {
  type AtPosition,
  beginEntries,
  countMembers,
  eachJoined,
  fromPosition,
  LOG_COLUMNS,
  type OfRoom,
  selectJoins,
  setMemberships,
  takeGathered,
  usersAt,
} from './entered-state.ts'
import { storeOpenness } from './open-rooms.ts'
import { storeChange, storeOutliers } from './room-change.ts'
import { beginPartial, endPartial } from './room-completion.ts'
import { storeOverview } from './room-overviews.ts'

/** A room without extremities: its history has not begun here. */
const insertKnown = query((db, param: { roomId: RoomId; version: string }) =>
  db
    .insertInto('rooms')
    .values({
      ...{ room_id: param.roomId, version: param.version, sequence: 1, extremities: '[]', published: 0 },
      ...{ joined_count: 0, invited_count: 0, last_resolved_position: 0, state_bytes: null, state_entries: null },
    })
    .onConflict((on) => on.column('room_id').doNothing()),
)
const roomOf = query((db, param: { roomId: RoomId }) =>
  db.selectFrom('rooms').select('room').where('room_id', '=', param.roomId),
)
const know = defineWrite('rooms.know', async (tx, input: { roomId: RoomId; version: string }) => {
  await tx.run(insertKnown, input)
  const found = await tx.first(roomOf, input)
  if (found === undefined) throw new Error('an inserted room got no number')
  return { room: found.room }
})

/** Takes numbers of the stream's table, so it locks the stream as all do that do so. */
const addOutliers = defineWrite(
  'rooms.addOutliers',
  ['events'],
  (tx, { room, events }: { room: number; events: readonly NewStoredEvent[] }): Promise<void> =>
    storeOutliers(tx, room, events),
)

const allow = query((db, param: { room: number; eventIds: readonly EventId[] }, { texts }) =>
  db
    .updateTable('events')
    .set({ placed: sql.lit(2) })
    .where('room', '=', param.room)
    .where('placed', '=', sql.lit(4))
    .where('event_id', 'in', texts(param.eventIds))
    .returning('event'),
)
const takeRefusals = query((db, param: { events: readonly EventNumber[] }, { integers }) =>
  db.deleteFrom('refusals').where('event', 'in', integers(param.events)),
)
const takeLacking = query((db, param: { room: number; eventIds: readonly EventId[] }, { texts }) =>
  db.deleteFrom('lacking_events').where('room', '=', param.room).where('event_id', 'in', texts(param.eventIds)),
)
const allowOutliers = defineWrite(
  'rooms.allowOutliers',
  async (tx, input: { room: number; eventIds: readonly EventId[] }): Promise<void> => {
    const events = await tx.all(allow, input)
    await tx.run(takeRefusals, { events: events.map(({ event }) => event) })
    await tx.run(takeLacking, input)
  },
)

const numbersOf = query((db, param: { room: number; eventIds: readonly EventId[] }, { texts }) =>
  db
    .selectFrom('events')
    .select(['event_id', 'event'])
    .where('event_id', 'in', texts(param.eventIds))
    .where('room', '=', param.room),
)
const insertGathered = insertInto(
  'entering_entries',
  { room: 'integer', type: 'text', state_key: 'text', event: 'integer', membership: 'text?' },
  { ifExists: 'ignore' },
)
const gatherState = defineWrite(
  'rooms.gatherState',
  async (tx, { room, isFirst, entries }: GatheredState): Promise<void> => {
    if (isFirst) await tx.run(takeGathered, { room })
    const found = await tx.all(numbersOf, { room, eventIds: entries.map(({ event }) => event) })
    const numbers = new Map<EventId, EventNumber>(found.map(({ event_id, event }) => [event_id, event]))
    for (const { membership, stateKey } of entries)
      if (membership !== undefined) await tx.userNumber(stateKey as UserId)
    await tx.insertMany(
      insertGathered,
      entries.map(({ type, stateKey, event, membership }) => {
        const number = numbers.get(event)
        if (number === undefined) throw new Error('a state names an event that is not stored')
        return { room, type, state_key: stateKey, event: number, membership: membership ?? null }
      }),
    )
  },
)

const endOthers = query((db, param: AtPosition) =>
  db
    .updateTable('state_log')
    .set({ until_position: param.position })
    .where('room', '=', param.room)
    .where('until_position', 'is', null)
    .where((of) =>
      of.not(
        of.exists(
          of
            .selectFrom('entering_entries as n')
            .select('n.event')
            .where('n.room', '=', param.room)
            .whereRef('n.type', '=', 'state_log.type')
            .whereRef('n.state_key', '=', 'state_log.state_key')
            .whereRef('n.event', '=', 'state_log.event'),
        ),
      ),
    ),
)
const begin = beginEntries('current')
/** An entry that goes away has a row too, as where resolution takes one away. */
const remove = query((db, param: AtPosition) =>
  db
    .insertInto('state_log')
    .columns(LOG_COLUMNS)
    .expression((of) =>
      of
        .selectFrom('state_log as s')
        .select(['s.room', 's.type', 's.state_key'])
        .select(fromPosition(param.position))
        .select(sql<null>`cast(null as bigint)`.as('event'))
        .select(sql<Membership | null>`case when s.type = 'm.room.member' then 'leave' end`.as('membership'))
        .where('s.room', '=', param.room)
        .where('s.until_position', '=', param.position)
        .where('s.event', 'is not', null)
        .where((inner) =>
          inner.not(
            inner.exists(
              inner
                .selectFrom('entering_entries as n')
                .select('n.event')
                .where('n.room', '=', param.room)
                .whereRef('n.type', '=', 's.type')
                .whereRef('n.state_key', '=', 's.state_key'),
            ),
          ),
        ),
    ),
)
const joinsAt = (column: 'position' | 'until_position') =>
  query((db, param: AtPosition & { readonly after: string; readonly limit: number }) =>
    selectJoins(db, param).where(column, '=', param.position),
  )
const GAINED = [
  [joinsAt('position'), 1],
  [joinsAt('until_position'), -1],
] as const

const countServers = async (tx: Tx, at: AtPosition): Promise<void> => {
  const servers = new ServerRows(tx, at.room)
  for (const [joins, gained] of GAINED)
    await eachJoined(tx, joins, at, (userId) => servers.count(userId, gained, at.position))
  await servers.write()
}

const openingEntries = query((db, param: OfRoom) =>
  db
    .selectFrom('entering_entries')
    .select(['type', 'state_key as stateKey'])
    .where('room', '=', param.room)
    .where('state_key', '=', '')
    .where('type', 'in', ['m.room.create', 'm.room.join_rules', 'm.room.history_visibility']),
)
const moveRoom = query((db, param: AtPosition) =>
  db
    .updateTable('rooms')
    .set({
      sequence: sql<number>`sequence + 1`,
      ...{ extremities: null, last_resolved_position: param.position, state_bytes: null, state_entries: null },
    })
    .where('room', '=', param.room),
)
/**
 * Events by which the room was known from outside, such as an invite: the state before them was never known. In a room that is entered they are known for
 * their content, until the history around them is fetched.
 */
const unplaceOutside = query((db, param: AtPosition) =>
  db
    .updateTable('events')
    .set({ placed: PLACINGS.indexOf('outlier') })
    .where('room', '=', param.room)
    .where('placed', '=', PLACINGS.indexOf('timeline'))
    .where('position', '<', param.position)
    .where((eb) =>
      eb.exists(
        eb.selectFrom('rooms as r').select('r.room').where('r.room', '=', param.room).where('r.extremities', '=', '[]'),
      ),
    ),
)
/** Members of a room that this server was in before: those whose entries are as they were are not new, and yet nobody here may know them any more. */
const nameAgain = query((db, param: OfRoom) =>
  db
    .insertInto('rooms_to_name')
    .columns(['room', 'position', 'user_number'])
    .expression((of) =>
      of
        .selectFrom('rooms')
        .select(['room', sql<number>`0`.as('position'), sql<number>`0`.as('user_number')])
        .where('room', '=', param.room)
        .where(sql<string>`coalesce(extremities, '')`, '!=', '[]'),
    )
    .onConflict((on) => on.column('room').doUpdateSet({ position: 0, user_number: 0 })),
)
const sequenceOf = query((db, param: OfRoom) =>
  db.selectFrom('rooms').select('sequence').where('room', '=', param.room),
)

const enter = defineWrite(
  'rooms.enter',
  ['events'],
  async (tx, { room, by, membership, missing, partial }: RoomEntrance): Promise<AppliedRoomChange> => {
    // The first position has no event: the state is in force from there, so that it is the one before the event.
    const position = tx.next('events', 2, 'in-rows')
    const at = { room, position }
    await tx.run(unplaceOutside, at)
    await tx.run(nameAgain, { room })
    await tx.run(endOthers, at)
    await tx.run(begin, at)
    await tx.run(remove, at)
    await tx.run(setMemberships, at)
    await countServers(tx, at)
    await endPartial(tx, at)
    if (partial !== undefined) await beginPartial(tx, at, by.eventId, partial)
    await tx.run(countMembers, { room })
    const users = await tx.all(usersAt, at)
    tx.announce({ stream: 'events', position, rooms: [room], users: users.map(({ user_number }) => user_number) })
    const state = (await tx.all(openingEntries, { room })).map((entry) => ({
      ...entry,
      event: by.eventId,
      by: by.eventId,
    }))
    await storeOpenness(tx, room, { events: [], state }, false)
    await storeOverview(tx, room, { events: [], state }, false)
    const own = { type: by.type, stateKey: by.stateKey ?? '', event: by.eventId, by: by.eventId, membership }
    const extremities = [{ eventId: by.eventId, depth: by.depth }]
    const change = { events: [by], state: [own], extremities, missing, redactions: [] }
    const { positions } = await storeChange(tx, room, change, position + 1, false)
    await tx.run(moveRoom, at)
    await tx.run(takeGathered, { room })
    const sequence = (await tx.first(sequenceOf, { room }))?.sequence ?? 1
    return { room, base: { sequence, head: headOf(extremities) }, positions }
  },
)

export const roomEntranceWrites = [know, addOutliers, allowOutliers, gatherState, enter]

export const roomEntrances = {
  know,
  addOutliers: (room: number, events: readonly NewStoredEvent[]) => addOutliers({ room, events }),
  allowOutliers: (room: number, eventIds: readonly EventId[]) => allowOutliers({ room, eventIds }),
  gatherState,
  enter,
} as const
