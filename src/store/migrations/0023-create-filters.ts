import { type Migration, table } from '../sql/engine/schema.ts'

export const createFilters: Migration = {
  name: '0023-create-filters',
  statements: ({ integer, text }) => [
    table(
      'filters',
      { owner: 'domain/account-data', rowsGo: 'the oldest of a user that has very many, and when the account ends' },
      `user_number ${integer} not null`,
      `filter_id ${integer} not null`,
      `digest ${text} not null`,
      `filter_json ${text} not null`,
      'primary key (user_number, filter_id)',
    ),
    'create unique index filters_digest on filters (user_number, digest)',
  ],
}
