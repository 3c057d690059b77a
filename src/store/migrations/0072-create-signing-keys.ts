import { type Migration, table } from '../sql/engine/schema.ts'

export const createSigningKeys: Migration = {
  name: '0072-create-signing-keys',
  statements: ({ integer, text }) => [
    table(
      'signing_keys',
      { owner: 'app; the key that all processes sign with', rowsGo: 'never' },
      `place ${integer} primary key /* 1: there is one key */`,
      `key_id ${text} not null`,
      `public_key ${text} not null`,
      `seed ${text} /* null: it comes from the configuration */`,
    ),
  ],
}
