import { type Migration, table } from '../sql/engine/schema.ts'

export const createAccountData: Migration = {
  name: '0021-create-account-data',
  statements: ({ integer, text }) => [
    table(
      'account_data',
      { owner: 'domain/account-data', rowsGo: 'when the account ends' },
      `user_number ${integer} not null`,
      `room ${integer} not null /* 0: global */`,
      `type ${text} not null`,
      `content_json ${text} not null`,
      `size_bytes ${integer} not null`,
      `position ${integer} not null`,
      'primary key (user_number, room, type)',
    ),
    'create index account_data_position on account_data (user_number, position)',
    table(
      'push_rules',
      { owner: 'domain/account-data', rowsGo: 'when the account ends' },
      `user_number ${integer} primary key`,
      `rules_json ${text} not null`,
      `position ${integer} not null`,
    ),
  ],
}
