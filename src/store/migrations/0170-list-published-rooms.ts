import { type Migration, table } from '../sql/engine/schema.ts'

/** The published rooms in the order of the directory, and what it shows of each, so that a page costs what is on it. */
export const listPublishedRooms: Migration = {
  name: '0170-list-published-rooms',
  statements: ({ integer, text }) => [
    table(
      'room_listings',
      {
        owner: 'domain/rooms; a room that is or was in the directory, as it is shown there',
        rowsGo: 'when the room is purged',
      },
      `room ${integer} primary key`,
      `shown ${text} not null`,
      `searchable ${text} not null`,
      // Empty for rooms without a type.
      `room_type ${text} not null`,
    ),
    'drop index rooms_published',
    'create index rooms_listed on rooms (joined_count desc, room) where published = 1',
  ],
}
