import { type Migration, table } from '../sql/engine/schema.ts'

export const createPresence: Migration = {
  name: '0024-create-presence',
  statements: ({ integer, text }) => [
    table(
      'presence',
      { owner: 'domain/ephemeral', rowsGo: 'when the account ends' },
      `user_number ${integer} primary key`,
      `status_msg ${text}`,
      `last_active_ms ${integer} not null`,
    ),
  ],
}
