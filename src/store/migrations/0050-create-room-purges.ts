import { type Migration, table } from '../sql/engine/schema.ts'

export const createRoomPurges: Migration = {
  name: '0050-create-room-purges',
  statements: ({ integer, text }) => [
    table(
      'room_purges',
      { owner: 'domain/rooms; rooms that are gone, and whose rows are being removed', rowsGo: 'when nothing is left' },
      `room ${integer} primary key`,
      `room_id ${text} not null`,
    ),
    'create index rooms_empty on rooms (room) where joined_count = 0 and invited_count = 0',
    'create index account_data_of_room on account_data (room) where room > 0',
  ],
}
