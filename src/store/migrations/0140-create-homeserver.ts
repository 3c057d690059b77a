import { type Migration, table } from '../sql/engine/schema.ts'

export const createHomeserver: Migration = {
  name: '0140-create-homeserver',
  statements: ({ integer, text }) => [
    table(
      'homeserver',
      { owner: 'app; whose data these are', rowsGo: 'never' },
      `place ${integer} primary key /* 1: there is one homeserver */`,
      `name ${text} not null`,
      `database_id ${text} not null /* random; the data folders that belong to this database have it too */`,
    ),
  ],
}
