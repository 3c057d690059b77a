import { type Migration, table } from '../sql/engine/schema.ts'

export const createPresenceLists: Migration = {
  name: '0025-create-presence-lists',
  statements: ({ integer }) => [
    table(
      'presence_lists',
      { owner: 'domain/ephemeral', rowsGo: 'when dropped, or when either account ends' },
      `list_owner ${integer} not null`,
      `listed ${integer} not null`,
      'primary key (list_owner, listed)',
    ),
    'create index presence_lists_by_listed on presence_lists (listed, list_owner)',
  ],
}
