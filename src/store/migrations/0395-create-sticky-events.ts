import { type Migration, table } from '../sql/engine/schema.ts'

export const createStickyEvents: Migration = {
  name: '0395-create-sticky-events',
  statements: ({ integer }) => [
    `insert into stream_positions (stream, position) values ('stickyEvents', 0)`,
    table(
      'sticky_events',
      {
        owner: 'domain/rooms; events that every member is told of while they are sticky',
        rowsGo: 'soon after until_ms',
      },
      `position ${integer} primary key /* of the stream stickyEvents */`,
      `room ${integer} not null`,
      `event ${integer} not null`,
      `until_ms ${integer} not null`,
    ),
    'create index sticky_events_of_room on sticky_events (room, position)',
    'create index sticky_events_by_end on sticky_events (until_ms)',
  ],
}
