import { type Migration, table } from '../sql/engine/schema.ts'

/** `texts`: a JSON list of the texts of stripped state events. */
export const createStrippedRooms: Migration = {
  name: '0640-create-stripped-rooms',
  statements: ({ integer, text }) => [
    table(
      'stripped_rooms',
      {
        owner:
          'domain/rooms; rooms as invites and answers to knocks tell of them, where this server is not in the room',
        rowsGo: 'when another member event of the user follows, and when the room is purged',
      },
      `event ${integer} primary key`,
      `room ${integer} not null`,
      `server ${text} not null`,
      `texts ${text} not null`,
    ),
    'create index stripped_rooms_room on stripped_rooms (room)',
  ],
}
