import { type Migration, table } from '../sql/engine/schema.ts'

export const createReceipts: Migration = {
  name: '0022-create-receipts',
  statements: ({ integer, text }) => [
    table(
      'receipts',
      {
        owner: 'domain/ephemeral',
        rowsGo: 'replaced by later ones of the same user, type and thread; never otherwise',
      },
      `room ${integer} not null`,
      `user_number ${integer} not null`,
      `type ${text} not null`,
      `thread_id ${text} not null /* empty: unthreaded */`,
      `event_id ${text} not null`,
      `event_position ${integer} not null`,
      `at_ms ${integer} not null`,
      `position ${integer} not null`,
      'primary key (room, user_number, type, thread_id)',
    ),
    'create index receipts_position on receipts (position, room)',
    'create index receipts_room_position on receipts (room, position)',
  ],
}
