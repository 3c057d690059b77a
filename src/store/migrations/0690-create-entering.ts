import { type Migration, table } from '../sql/engine/schema.ts'

export const createEntering: Migration = {
  name: '0690-create-entering',
  statements: ({ integer, text }) => [
    table(
      'entering_entries',
      {
        owner: 'domain/rooms; the state of a room that this server comes into, gathered in pieces',
        rowsGo: 'when it has come in, with the first piece of another try, or when the room is purged',
      },
      `room ${integer} not null`,
      `type ${text} not null`,
      `state_key ${text} not null`,
      `event ${integer} not null`,
      `membership ${text}`,
      'primary key (room, type, state_key)',
    ),
  ],
}
