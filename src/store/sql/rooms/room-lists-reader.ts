import { sql } from 'kysely'
import type { UserId } from '#spec'
import type { RoomByActivity, RoomListsReader } from '../../ports/rooms/room-lists.ts'
import type { Db } from '../engine/index.ts'
import { query } from './tables.ts'

const roomsOfOne = query((db, param: { user: number }) =>
  db
    .selectFrom('memberships as m')
    .innerJoin('rooms as r', 'r.room', 'm.room')
    .innerJoin('users as u', 'u.user_number', 'm.user_number')
    .leftJoin('events as own', (join) =>
      join
        .onRef('own.event', '=', 'm.position')
        .onRef('own.state_key', '=', 'u.user_id')
        .on('own.type', '=', 'm.room.member'),
    )
    .leftJoin('users as setter', 'setter.user_number', 'own.sender')
    .select(['m.room', 'r.room_id as roomId', 'm.membership', 'm.position', 'setter.user_id as setBy'])
    .select((eb) => [
      eb
        .selectFrom('events as e')
        .select(sql<number>`e.position`.as('position'))
        .whereRef('e.room', '=', 'm.room')
        .where('e.position', 'is not', null)
        .orderBy('e.position', 'desc')
        .limit(1)
        .as('last'),
      eb
        .selectFrom('state_log as s')
        .select('s.position')
        .whereRef('s.room', '=', 'm.room')
        .whereRef('s.state_key', '=', 'u.user_id')
        // Written as the index `state_log_joins` is defined: a partial index serves a literal only.
        .where('s.membership', '=', sql.lit('join'))
        .limit(1)
        .as('joined'),
    ])
    .where('m.user_number', '=', param.user)
    .where('m.forgotten', '=', 0),
)

const entriesInRooms = query((db, param: { user: number; type: string }) =>
  db
    .selectFrom('memberships as m')
    .innerJoin('state_log as s', 's.room', 'm.room')
    .innerJoin('events as e', 'e.event', 's.event')
    .select(['m.room', 'e.json'])
    .where('m.user_number', '=', param.user)
    .where('s.type', '=', param.type)
    .where('s.state_key', '=', '')
    .where('s.until_position', 'is', null),
)

const newestOf = query(
  (db, param: { room: number; types: readonly string[]; after: number; upTo: number }, { texts }) =>
    db
      .selectFrom('events')
      .select(sql<number>`position`.as('position'))
      .where('room', '=', param.room)
      .where('position', '>', param.after)
      .where('position', '<=', param.upTo)
      .where('type', 'in', texts(param.types))
      .orderBy('position', 'desc')
      .limit(1),
)

export const roomListsReader = (db: Db): RoomListsReader => ({
  roomsByActivity: async (user) => {
    const rows = await db.longAll(roomsOfOne, { user })
    return rows.map(
      ({ last, joined, setBy, ...row }): RoomByActivity => ({
        ...row,
        forgotten: false,
        lastPosition: last ?? row.position,
        setBy: (setBy as UserId | null) ?? undefined,
        everJoined: joined !== null,
      }),
    )
  },
  entriesOfRooms: (user, type) => db.longAll(entriesInRooms, { user, type }),
  newestOfTypes: async (room, types, after, upTo) => (await db.first(newestOf, { room, types, after, upTo }))?.position,
})
