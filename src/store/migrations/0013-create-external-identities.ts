import { type Migration, table } from '../sql/engine/schema.ts'

export const createExternalIdentities: Migration = {
  name: '0013-create-external-identities',
  statements: ({ integer, text }) => [
    table(
      'external_identities',
      { owner: 'domain/sign-in', rowsGo: 'never: who closed an account does not get a new one by signing in again' },
      `provider ${text} not null`,
      `subject ${text} not null`,
      `user_number ${integer} not null`,
      `linked_ms ${integer} not null`,
      'primary key (provider, subject)',
    ),
    'create index external_identities_user on external_identities (user_number)',
  ],
}
