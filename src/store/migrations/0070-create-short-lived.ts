import { type Migration, table } from '../sql/engine/schema.ts'

export const createShortLived: Migration = {
  name: '0070-create-short-lived',
  statements: ({ integer, text }) => [
    table(
      'short_lived',
      { owner: 'store; what waits for the next request of somebody', rowsGo: 'when they are taken or expired' },
      `kind ${text} not null`,
      `key ${text} not null`,
      `owner ${text} not null /* empty: nobody */`,
      `body ${text} not null /* sealed with a key of the server */`,
      `expires_ms ${integer} not null`,
      'primary key (kind, key)',
    ),
    'create index short_lived_of_owner on short_lived (kind, owner, expires_ms)',
  ],
}
