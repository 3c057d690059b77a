import type { ServerName, UserId } from '#spec'
import type { RoomServersReader } from '../../../ports/rooms/room-servers.ts'
import type { Db } from '../../engine/index.ts'
import { query } from '../tables.ts'

const serversNow = query((db, param: { room: number }) =>
  db
    .selectFrom('room_servers as r')
    .innerJoin('servers as s', 's.server', 'r.server')
    .select(['r.server', 's.name', 'r.joined', 'r.since'])
    .where('r.room', '=', param.room)
    .orderBy('r.since')
    .orderBy('r.server'),
)

const serverIn = query((db, param: { room: number; name: ServerName }) =>
  db
    .selectFrom('servers as s')
    .innerJoin('room_servers as r', 'r.server', 's.server')
    .select('r.server')
    .where('s.name', '=', param.name)
    .where('r.room', '=', param.room),
)

const shared = query((db, param: { server: ServerName; own: ServerName }) =>
  db
    .selectFrom('servers as other')
    .innerJoin('room_servers as theirs', 'theirs.server', 'other.server')
    .innerJoin('room_servers as ours', 'ours.room', 'theirs.room')
    .innerJoin('servers as self', 'self.server', 'ours.server')
    .select('theirs.room')
    .where('other.name', '=', param.server)
    .where('self.name', '=', param.own)
    .orderBy('theirs.room'),
)

const serversWithUser = query((db, param: { userId: UserId }) =>
  db
    .selectFrom('users as u')
    .innerJoin('memberships as m', 'm.user_number', 'u.user_number')
    .innerJoin('room_servers as r', 'r.room', 'm.room')
    .innerJoin('servers as s', 's.server', 'r.server')
    .select('s.name')
    .distinct()
    .where('u.user_id', '=', param.userId)
    .where('m.membership', '=', 'join'),
)

const serversBefore = query((db, param: { room: number; position: number }) =>
  db
    .selectFrom('room_servers as r')
    .innerJoin('servers as s', 's.server', 'r.server')
    .select(['r.server', 's.name'])
    .where('r.room', '=', param.room)
    .where('r.since', '<', param.position)
    .union(
      db
        .selectFrom('past_room_servers as p')
        .innerJoin('servers as s', 's.server', 'p.server')
        .select(['p.server', 's.name'])
        .where('p.room', '=', param.room)
        .where('p.since', '<', param.position)
        .where('p.until', '>=', param.position),
    ),
)

export const roomServersReader = (db: Db): RoomServersReader => ({
  serversOf: (room) => db.longAll(serversNow, { room }),
  isServerIn: async (room, name) => (await db.first(serverIn, { room, name })) !== undefined,
  roomsSharedWith: async (server, own) => (await db.longAll(shared, { server, own })).map(({ room }) => room),
  serversSharing: async (userId) => (await db.longAll(serversWithUser, { userId })).map(({ name }) => name),
  serversAt: (room, position) => db.longAll(serversBefore, { room, position }),
})
