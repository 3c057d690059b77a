import { type Migration, table } from '../sql/engine/schema.ts'

/** Rooms whose members are still to be fetched. */
export const createPartialRooms: Migration = {
  name: '0970-create-partial-rooms',
  statements: ({ integer, text }) => [
    `alter table rooms add column partial_since ${integer} /* the position from which the state is in force that lacks members; null: none lacks any */`,
    `alter table rooms add column whole_since ${integer} /* the position at which members that lacked came; null: none did */`,
    table(
      'partial_rooms',
      {
        owner: 'domain/rooms; the rooms whose members are to be fetched, and when that is tried next',
        rowsGo: 'when all members are there, this server has left the room, it comes in anew, or the room is purged',
      },
      `room ${integer} not null primary key`,
      // The event by which this server came in, and the server that took it.
      `join_id ${text} not null`,
      `server ${text} not null`,
      `failures ${integer} not null`,
      `due_ms ${integer} not null`,
    ),
  ],
}
