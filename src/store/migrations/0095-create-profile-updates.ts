import { type Migration, table } from '../sql/engine/schema.ts'

export const createProfileUpdates: Migration = {
  name: '0095-create-profile-updates',
  statements: ({ integer }) => [
    table(
      'profile_updates',
      {
        owner: 'domain/flows/account; changed profiles that are not in all rooms of their users yet',
        rowsGo: 'when all rooms have the profile',
      },
      `user_number ${integer} primary key`,
      // Counts the changes of the profile while the row is there.
      `change ${integer} not null`,
      // Rooms up to this number have the profile.
      `done_room ${integer} not null`,
    ),
  ],
}
