import { type Migration, table } from '../sql/engine/schema.ts'

export const createServerKeys: Migration = {
  name: '0700-create-server-keys',
  statements: ({ integer, text }) => [
    table(
      'server_keys',
      {
        owner: 'domain/server-keys; keys of other servers',
        rowsGo: 'never: events of a server that is gone are checked by them',
      },
      `server ${text} not null`,
      `key_id ${text} not null`,
      `public_key ${text} not null`,
      `valid_until_ms ${integer} not null`,
      `expired ${integer} not null /* 1: out of use since valid_until_ms */`,
      `answer_json ${text} not null /* the signed answer that has the key */`,
      'primary key (server, key_id)',
    ),
  ],
}
