import { type Migration, table } from '../sql/engine/schema.ts'

export const createRetentionProgress: Migration = {
  name: '0460-create-retention-progress',
  statements: ({ integer }) => [
    table(
      'retention_progress',
      {
        owner: 'domain/rooms; the place in a room’s history up to which no message is left to be removed',
        rowsGo: 'when the room is purged',
      },
      `room ${integer} primary key`,
      `depth ${integer} not null`,
      `event ${integer} not null`,
    ),
  ],
}
