import { type Migration, table } from '../sql/engine/schema.ts'

export const createProfiles: Migration = {
  name: '0020-create-profiles',
  statements: ({ integer, text }) => [
    table(
      'profile_fields',
      { owner: 'domain/profiles', rowsGo: 'with DELETE of the field, and when the account ends' },
      `user_number ${integer} not null`,
      `key ${text} not null`,
      `value_json ${text} not null`,
      'primary key (user_number, key)',
    ),
  ],
}
