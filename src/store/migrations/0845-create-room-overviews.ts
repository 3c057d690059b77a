import { type Migration, table } from '../sql/engine/schema.ts'

/** Columns that lists for administrators show, sort by and search, so that a page costs what is on it. Rooms of before are filled in later, in pieces. */
export const createRoomOverviews: Migration = {
  name: '0845-create-room-overviews',
  statements: ({ integer, text }) => [
    table(
      'room_overviews',
      {
        owner: 'domain/rooms; what administrators are shown of a room that this server is or was in',
        rowsGo: 'when the room is purged',
      },
      `room ${integer} primary key`,
      // Texts are empty where the room has none.
      `name ${text} not null`,
      `name_order ${text} not null`,
      `canonical_alias ${text} not null`,
      `searchable ${text} not null`,
      `creator ${text} not null`,
      `encryption ${text} not null`,
      `federatable ${integer} not null`,
      `join_rules ${text} not null`,
      `guest_access ${text} not null`,
      `history_visibility ${text} not null`,
      `room_type ${text} not null`,
      `filled ${integer} not null`,
    ),
    `alter table rooms add column state_events ${integer} not null default 0`,
    `update rooms set state_events = (select count(*) from state_log s
      where s.room = rooms.room and s.until_position is null and s.event is not null)`,
    `insert into room_overviews
      select s.room, '', '', '', '', '', '', 1, '', '', '', '', 0 from state_log s
      where s.type = 'm.room.create' and s.state_key = '' and s.until_position is null`,
    'create index room_overviews_named on room_overviews (name_order, room)',
    'create index room_overviews_unfilled on room_overviews (room) where filled = 0',
    'create index rooms_by_size on rooms (joined_count, room)',
    'create index rooms_by_state on rooms (state_events, room)',
    table(
      'blocked_rooms',
      {
        owner: 'domain/rooms; rooms that nobody of this server may enter',
        rowsGo: 'when an administrator unblocks the room',
      },
      `room_id ${text} primary key`,
      `blocked_by ${text} not null`,
      `blocked_ms ${integer} not null`,
    ),
  ],
}
