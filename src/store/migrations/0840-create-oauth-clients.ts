import { type Migration, table } from '../sql/engine/schema.ts'

export const createOauthClients: Migration = {
  name: '0840-create-oauth-clients',
  statements: ({ integer, text }) => [
    table(
      'oauth_clients',
      { owner: 'domain/oauth', rowsGo: 'when nobody has used the client for a while and no session is one of it' },
      `client_id ${text} primary key`,
      `metadata_json ${text} not null`,
      // Hash of the metadata: the same client that registers again is found by it.
      `metadata_hash ${text} not null unique`,
      `created_ms ${integer} not null`,
      `used_ms ${integer} not null`,
    ),
    'create index oauth_clients_used on oauth_clients (used_ms)',
    // The OAuth client that the device's session belongs to; null: the session began otherwise.
    `alter table devices add column oauth_client ${text}`,
    'create index devices_oauth_client on devices (oauth_client) where oauth_client is not null',
  ],
}
