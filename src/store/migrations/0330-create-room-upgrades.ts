import { type Migration, table } from '../sql/engine/schema.ts'

export const createRoomUpgrades: Migration = {
  name: '0330-create-room-upgrades',
  statements: ({ integer }) => [
    table(
      'room_upgrades',
      { owner: 'domain/rooms; upgrades that are not complete', rowsGo: 'when the upgrade is complete' },
      `room ${integer} primary key`,
      `replacement ${integer} not null`,
      `upgrader ${integer} not null`,
      `was_published ${integer} not null`,
      `is_open ${integer} not null`,
    ),
    table(
      'upgrade_followers',
      {
        owner: 'domain/flows; users whose settings of a room are to be copied to its replacement',
        rowsGo: 'when they have been copied',
      },
      `user_number ${integer} not null`,
      `replacement ${integer} not null`,
      `room ${integer} not null`,
      'primary key (user_number, replacement)',
    ),
  ],
}
