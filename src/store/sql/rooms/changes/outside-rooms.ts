import { sql } from 'kysely'
import type { EventId, RoomId, ServerName } from '#spec'
import { WriteConflict } from '../../../ports/engine/change.ts'
import type { OutsideMember, OutsideRoomsReader, OutsideRoomsWriter } from '../../../ports/rooms/outside-rooms.ts'
import { type Db, defineWrite, insertInto, queriesOver, type Tx } from '../../engine/index.ts'
import { branchesText } from '../room-base.ts'
import type { RoomTables } from '../tables.ts'
import { storeChange } from './room-change.ts'

interface OutsideTables extends RoomTables {
  /** Migration 0640. */
  readonly stripped_rooms: {
    readonly event: number
    readonly room: number
    readonly server: string
    readonly texts: string
  }
}

const query = queriesOver<OutsideTables>()

const roomNow = query((db, param: { roomId: RoomId }) =>
  db
    .selectFrom('rooms as r')
    .leftJoin('events as newest', (join) =>
      join.on((of) =>
        of(
          'newest.event',
          '=',
          of
            .selectFrom('events as e')
            .select('e.event')
            .whereRef('e.room', '=', 'r.room')
            .where('e.position', 'is not', null)
            .orderBy('e.position', 'desc')
            .limit(1),
        ),
      ),
    )
    .select(['r.room', 'r.extremities', 'newest.event_id as newestId', 'newest.depth as newestDepth'])
    .where('r.room_id', '=', param.roomId),
)

/** A room without extremities is one that this server never was in. */
const insertRoom = query((db, param: { roomId: RoomId; version: string }) =>
  db
    .insertInto('rooms')
    .values({
      room_id: param.roomId,
      version: param.version,
      sequence: 1,
      extremities: '[]',
      joined_count: 0,
      invited_count: 0,
      published: 0,
      last_resolved_position: 0,
      state_bytes: null,
      state_entries: null,
    })
    .returning('room'),
)

const moveRoom = query((db, param: { room: number; extremities: string }) =>
  db
    .updateTable('rooms')
    .set({ sequence: sql<number>`sequence + 1`, extremities: param.extremities })
    .where('room', '=', param.room),
)

/** Whoever invites says which version the room has; a room that was never entered has none of its own. */
const setVersion = query((db, param: { room: number; version: string }) =>
  db.updateTable('rooms').set({ version: param.version }).where('room', '=', param.room),
)

const memberNow = query((db, param: { room: number; stateKey: string }) =>
  db
    .selectFrom('state_log as s')
    .leftJoin('events as e', 'e.event', 's.event')
    .select(['s.event', 's.membership', 'e.event_id as eventId'])
    .where('s.room', '=', param.room)
    .where('s.type', '=', 'm.room.member')
    .where('s.state_key', '=', param.stateKey)
    .where('s.until_position', 'is', null),
)

const insertStripped = insertInto('stripped_rooms', {
  event: 'integer',
  room: 'integer',
  server: 'text',
  texts: 'text',
})
const takeStripped = query((db, param: { event: number }) =>
  db.deleteFrom('stripped_rooms').where('event', '=', param.event),
)
const takeStrippedOf = query((db, param: { room: number }) =>
  db.deleteFrom('stripped_rooms').where('room', '=', param.room),
)
const strippedOf = query((db, param: { event: number }) =>
  db.selectFrom('stripped_rooms').select(['server', 'texts']).where('event', '=', param.event),
)

/** The room, made if it is not known, and its extremities as the room's row has them after an event that is none of them. */
const roomFor = async (tx: Tx, { roomId, version }: OutsideMember) => {
  const known = await tx.first(roomNow, { roomId })
  if (known === undefined) {
    const made = await tx.first(insertRoom, { roomId, version })
    if (made === undefined) throw new WriteConflict('room-changed')
    return { room: made.room, extremities: '[]' }
  }
  if (known.extremities === '[]') await tx.run(setVersion, { room: known.room, version })
  const { newestId, newestDepth } = known
  const newest =
    newestId === null || newestDepth === null ? '[]' : branchesText([{ eventId: newestId, depth: newestDepth }])
  return { room: known.room, extremities: known.extremities ?? newest }
}

/** The number of the user's member event that is replaced. */
const replacedIn = async (tx: Tx, room: number, { event, replaces }: OutsideMember): Promise<number | undefined> => {
  const current = await tx.first(memberNow, { room, stateKey: event.stateKey ?? '' })
  const isOther = replaces !== undefined && current?.eventId !== replaces
  if (current?.membership === 'join' || isOther) throw new WriteConflict('room-changed')
  return current?.event ?? undefined
}

const put = defineWrite('outsideRooms.put', ['events'], async (tx, member: OutsideMember): Promise<void> => {
  const { event, membership, told } = member
  const { room, extremities } = await roomFor(tx, member)
  const replaced = await replacedIn(tx, room, member)
  if (replaced !== undefined) await tx.run(takeStripped, { event: replaced })
  const position = tx.next('events', 1, 'in-rows')
  await tx.run(moveRoom, { room, extremities })
  const by = event.eventId as EventId
  const state = [{ type: event.type, stateKey: event.stateKey ?? '', event: by, by, membership }]
  const change = { events: [{ ...event, placing: 'timeline' as const }], state, extremities: [], redactions: [] }
  await storeChange(tx, room, change, position, false)
  if (told !== undefined)
    await tx.insertMany(insertStripped, [
      { event: position, room, server: told.server, texts: JSON.stringify(told.texts) },
    ])
})

export const outsideRoomWrites = [put]

export const outsideRoomsWriter: OutsideRoomsWriter = { put }

/** To be called where a room is purged. */
export const takeStrippedRooms = async (tx: Tx, room: number): Promise<void> => {
  await tx.run(takeStrippedOf, { room })
}

export const outsideRoomsReader = (db: Db): OutsideRoomsReader => ({
  strippedRoom: async (event) => {
    const row = await db.first(strippedOf, { event })
    return row && { server: row.server as ServerName, texts: JSON.parse(row.texts) as readonly string[] }
  },
})
