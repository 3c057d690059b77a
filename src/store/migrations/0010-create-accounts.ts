import { type Migration, table } from '../sql/engine/schema.ts'

export const createAccounts: Migration = {
  name: '0010-create-accounts',
  statements: ({ integer, text }) => [
    table(
      'accounts',
      { owner: 'domain/accounts', rowsGo: 'never: the user id of a deactivated account stays taken' },
      `user_number ${integer} primary key`,
      `password_hash ${text}`,
      `guest ${integer} not null`,
      `admin ${integer} not null`,
      `created_ms ${integer} not null`,
      `deactivated_ms ${integer}`,
      `erased ${integer} not null`,
      `leaving ${integer} not null /* 1: deactivated, but not all rooms were left yet */`,
    ),
    'create index accounts_leaving on accounts (leaving) where leaving = 1',
    table(
      'registration_tokens',
      { owner: 'domain/accounts', rowsGo: 'when the operator removes them' },
      `token ${text} primary key`,
      `uses_allowed ${integer}`,
      `uses ${integer} not null`,
      `expires_ms ${integer}`,
    ),
  ],
}
