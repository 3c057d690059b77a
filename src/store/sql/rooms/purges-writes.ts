import { sql } from 'kysely'
import { WriteConflict } from '../../ports/engine/change.ts'
import type { EmptyRoom, RoomPurgesWriter } from '../../ports/rooms/room-purges.ts'
import { defineWrite, insertInto } from '../engine/index.ts'
import { query } from './tables.ts'

interface OfRoom {
  readonly room: number
}

const takeRoom = query((db, param: { room: number; sequence: number }) =>
  db
    .deleteFrom('rooms')
    .where('room', '=', param.room)
    .where('sequence', '=', param.sequence)
    .where('joined_count', '=', 0)
    .where('invited_count', '=', 0),
)
const takeAliases = query((db, param: OfRoom) => db.deleteFrom('aliases').where('room', '=', param.room))
const takeMemberships = query((db, param: OfRoom) =>
  db.deleteFrom('memberships').where('room', '=', param.room).returning('user_number'),
)
const insertPurge = insertInto('room_purges', { room: 'integer', room_id: 'text' })

const lastOfSome = query((db, param: { room: number; events: number }) =>
  db
    .selectFrom(
      db
        .selectFrom('events')
        .select('position')
        .where('room', '=', param.room)
        .orderBy('position')
        .limit(param.events)
        .as('piece'),
    )
    .select([sql<number>`max(piece.position)`.as('last'), sql<number>`count(*)`.as('events')]),
)
const takeEvents = query((db, param: { room: number; upTo: number }) =>
  db.deleteFrom('events').where('room', '=', param.room).where('position', '<=', param.upTo),
)
const takeStateLog = query((db, param: { room: number; upTo: number }) =>
  db.deleteFrom('state_log').where('room', '=', param.room).where('position', '<=', param.upTo),
)
const takePurge = query((db, param: OfRoom) => db.deleteFrom('room_purges').where('room', '=', param.room))

const begin = defineWrite('roomPurges.begin', async (tx, { room, roomId, sequence }: EmptyRoom): Promise<void> => {
  if ((await tx.run(takeRoom, { room, sequence })) === 0) throw new WriteConflict('room-changed')
  await tx.run(takeAliases, { room })
  const members = await tx.all(takeMemberships, { room })
  await tx.insertMany(insertPurge, [{ room, room_id: roomId }])
  // No event, but who keeps this room, or the rooms of these users, in memory must hear of it.
  const users = members.map(({ user_number }) => user_number)
  tx.announce({ stream: 'events', position: tx.next('events', 1), rooms: [room], users })
})

const go = defineWrite(
  'roomPurges.continue',
  async (tx, { room, events }: { room: number; events: number }): Promise<{ more: boolean }> => {
    const some = await tx.first(lastOfSome, { room, events })
    const found = Number(some?.events ?? 0)
    if (some !== undefined && found > 0) {
      await tx.run(takeEvents, { room, upTo: some.last })
      await tx.run(takeStateLog, { room, upTo: some.last })
    }
    return { more: found === events }
  },
)

const finish = defineWrite('roomPurges.finish', async (tx, { room }: OfRoom): Promise<void> => {
  await tx.run(takeStateLog, { room, upTo: Number.MAX_SAFE_INTEGER })
  await tx.run(takePurge, { room })
})

export const roomPurgeWrites = [begin, go, finish]

export const roomPurgesWriter: RoomPurgesWriter = {
  begin,
  continue: (room, events) => go({ room, events }),
  finish: (room) => finish({ room }),
}
