import { type Migration, table } from '../sql/engine/schema.ts'

/** Streams that came later have migrations of their own. */
const STREAMS = ['events', 'receipts', 'accountData', 'toDevice', 'deviceLists']

export const createStreamsAndUsers: Migration = {
  name: '0001-create-streams-and-users',
  statements: ({ integer, text, countedKey }) => [
    table(
      'stream_positions',
      { owner: 'store', rowsGo: 'never' },
      `stream ${text} primary key`,
      `position ${integer} not null`,
    ),
    ...STREAMS.map((stream) => `insert into stream_positions (stream, position) values ('${stream}', 0)`),
    table(
      'users',
      { owner: 'store: internal numbers of all users ever seen, local or not', rowsGo: 'never, others point to them' },
      `user_number ${countedKey}`,
      `user_id ${text} not null unique`,
    ),
  ],
}
