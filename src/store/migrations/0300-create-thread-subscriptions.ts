import { type Migration, table } from '../sql/engine/schema.ts'

export const createThreadSubscriptions: Migration = {
  name: '0300-create-thread-subscriptions',
  statements: ({ integer, text }) => [
    `insert into stream_positions (stream, position) values ('threadSubscriptions', 0)`,
    table(
      'thread_subscriptions',
      { owner: 'domain/thread-subscriptions', rowsGo: 'with the account or the room; one a user and thread' },
      `user_number ${integer} not null`,
      `room ${integer} not null`,
      `root_id ${text} not null`,
      `position ${integer} not null`,
      `state ${text} not null /* automatic, manual or none */`,
      // The newest event of the room when the user unsubscribed: it and those before it subscribe nobody again.
      `left_at ${integer}`,
      'primary key (user_number, room, root_id)',
    ),
    'create unique index thread_subscriptions_changed on thread_subscriptions (user_number, position)',
    'create index thread_subscriptions_of_room on thread_subscriptions (room, root_id)',
  ],
}
