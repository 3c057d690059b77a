import { type Migration, table } from '../sql/engine/schema.ts'

export const createBanLists: Migration = {
  name: '0889-create-ban-lists',
  statements: ({ integer, text }) => [
    table(
      'ban_lists',
      { owner: 'domain/abuse; policy rooms that administrators obey', rowsGo: 'when an administrator ends that' },
      `room_id ${text} primary key`,
      `added_by ${text} not null`,
      `added_ms ${integer} not null`,
    ),
    table(
      'newcomer_counts',
      { owner: 'domain/abuse; what new accounts did in a time', rowsGo: 'after that time, when others are counted' },
      `user_number ${integer} not null`,
      `deed ${text} not null`,
      `ends_ms ${integer} not null`,
      `times ${integer} not null`,
      'primary key (user_number, deed)',
    ),
    'create index newcomer_counts_over on newcomer_counts (ends_ms)',
  ],
}
