import { type Migration, table } from '../sql/engine/schema.ts'

/** Changes of profiles get positions, so that clients are told of them. What was there before has none, and comes with everything else. */
export const placeProfileChanges: Migration = {
  name: '0950-place-profile-changes',
  statements: ({ integer, text }) => [
    // Not 0, which stands for a client that was told of no profile yet.
    `insert into stream_positions (stream, position) values ('profiles', 1)`,
    `alter table profile_fields add column position ${integer} not null default 0`,
    'create index profile_fields_changed on profile_fields (position, user_number)',
    'create index profile_fields_of_key on profile_fields (key, user_number)',
    table(
      'profile_removals',
      {
        owner: 'domain/profiles; fields that a user had and removed',
        rowsGo: 'when the field is set again; some at a time, for one that stands for all of them',
      },
      `user_number ${integer} not null`,
      `key ${text} not null /* empty: any field that the user does not have */`,
      `position ${integer} not null`,
      'primary key (user_number, key)',
    ),
    'create index profile_removals_made on profile_removals (position, user_number)',
  ],
}
