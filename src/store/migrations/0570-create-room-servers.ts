import { type Migration, type SchemaWords, table } from '../sql/engine/schema.ts'

const serverOfUser = ({ dialect }: SchemaWords): string =>
  dialect === 'sqlite'
    ? "substr(u.user_id, instr(u.user_id, ':') + 1)"
    : "substr(u.user_id, strpos(u.user_id, ':') + 1)"

/** Which servers are in which room. Filled from the memberships that are there. */
export const createRoomServers: Migration = {
  name: '0570-create-room-servers',
  statements: (words) => {
    const { integer, text, countedKey } = words
    return [
      table(
        'servers',
        { owner: 'store; numbers of homeservers, as tables refer to them', rowsGo: 'never' },
        `server ${countedKey}`,
        `name ${text} not null unique`,
      ),
      table(
        'room_servers',
        {
          owner: 'domain/rooms; the servers that are in a room, and how many of their users are joined',
          rowsGo: 'when the last of these users leaves, or the room is purged',
        },
        `room ${integer} not null`,
        `server ${integer} not null`,
        `joined ${integer} not null`,
        // Position of the event by which the first of these users came.
        `since ${integer} not null`,
        'primary key (room, server)',
      ),
      'create index room_servers_of on room_servers (server, room)',
      table(
        'past_room_servers',
        {
          owner: 'domain/rooms; from which to which position a server was in a room that it left',
          rowsGo: 'when the room is purged',
        },
        `room ${integer} not null`,
        `server ${integer} not null`,
        `since ${integer} not null`,
        `until ${integer} not null`,
        'primary key (room, server, since)',
      ),
      'create index past_room_servers_of on past_room_servers (server, until)',
      `insert into servers (name)
        select distinct ${serverOfUser(words)} from memberships m join users u on u.user_number = m.user_number
        where m.membership = 'join'`,
      `insert into room_servers (room, server, joined, since)
        select m.room, s.server, count(*), min(m.position)
        from memberships m join users u on u.user_number = m.user_number join servers s on s.name = ${serverOfUser(words)}
        where m.membership = 'join' group by m.room, s.server`,
    ]
  },
}
