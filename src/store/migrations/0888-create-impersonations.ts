import { type Migration, table } from '../sql/engine/schema.ts'

/** Tokens by which administrators act as somebody else. */
export const createImpersonations: Migration = {
  name: '0888-create-impersonations',
  statements: ({ integer, text, lastingKey }) => [
    table(
      'impersonations',
      {
        owner: 'domain/devices',
        rowsGo:
          'with their logout, with their time, when either account ends, and the oldest beyond a number for each administrator',
      },
      `impersonation ${lastingKey}`,
      `access_hash ${text} not null unique`,
      `user_number ${integer} not null`,
      `by_user ${integer} not null`,
      `expires_ms ${integer}`,
    ),
    'create index impersonations_by_user on impersonations (by_user, impersonation)',
    'create index impersonations_of_user on impersonations (user_number)',
  ],
}
