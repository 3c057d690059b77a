import { type Migration, type SchemaWords, table } from '../sql/engine/schema.ts'

const roomsAndAliases = ({ integer, text, countedKey }: SchemaWords): readonly string[] => [
  table(
    'rooms',
    { owner: 'domain/rooms', rowsGo: 'when the room is purged' },
    `room ${countedKey}`,
    `room_id ${text} not null unique`,
    `version ${text} not null`,
    // Counts the changes without an event in the timeline: an ordinary send does not touch this row.
    `sequence ${integer} not null`,
    // Null while the newest event of the timeline is the only forward extremity.
    `extremities ${text}`,
    `joined_count ${integer} not null`,
    `invited_count ${integer} not null`,
    `published ${integer} not null`,
    `last_resolved_position ${integer} not null`,
  ),
  'create index rooms_published on rooms (room) where published = 1',
  table(
    'aliases',
    { owner: 'domain/rooms', rowsGo: 'when the alias is removed' },
    `alias ${text} primary key`,
    `room ${integer} not null`,
    `creator ${integer} not null`,
  ),
  'create index aliases_of_room on aliases (room)',
]

const events = ({ integer, text }: SchemaWords): readonly string[] => [
  table(
    'events',
    { owner: 'domain/rooms; redaction replaces json', rowsGo: 'when the room is purged' },
    // The position in the stream of events, or a number below zero for events that are not in it (ADR 9).
    `event ${integer} primary key`,
    `event_id ${text} not null unique`,
    `room ${integer} not null`,
    `position ${integer}`,
    `placed ${integer} not null`,
    `type ${text} not null`,
    `state_key ${text}`,
    `sender ${integer} not null`,
    `origin_server_ts ${integer} not null`,
    `depth ${integer} not null`,
    // Null if the state before it is the room's log right before its position.
    `prior_at ${integer}`,
    `redacted_by ${integer}`,
    `replaces ${integer}`,
    `txn_device ${integer}`,
    `txn_scope ${text}`,
    `txn_id ${text}`,
    `json ${text} not null`,
  ),
  'create index events_timeline on events (room, position) where position is not null',
  'create index events_history on events (room, depth, event) where placed <= 1',
  'create unique index events_transaction on events (txn_device, txn_scope, txn_id) where txn_device is not null',
  table(
    'prior_differences',
    {
      owner: 'domain/rooms; where the state before an event differs from the log at prior_at',
      rowsGo: 'with the event',
    },
    `event ${integer} not null`,
    `type ${text} not null`,
    `state_key ${text} not null`,
    `state_event ${integer}`,
    'primary key (event, type, state_key)',
  ),
  table(
    'missing_events',
    { owner: 'domain/rooms; backward extremities', rowsGo: 'when the event comes, or the room is purged' },
    `room ${integer} not null`,
    `event_id ${text} not null`,
    'primary key (room, event_id)',
  ),
]

const stateAndMemberships = ({ integer, text }: SchemaWords): readonly string[] => [
  table(
    'state_log',
    {
      owner: 'domain/rooms; one row for each change of one entry of a room’s state',
      rowsGo: 'when the room is purged',
    },
    `room ${integer} not null`,
    `type ${text} not null`,
    `state_key ${text} not null`,
    `position ${integer} not null`,
    `until_position ${integer}`,
    // Null if the entry was taken away.
    `event ${integer}`,
    `membership ${text}`,
    'primary key (room, type, state_key, position)',
  ),
  // Also ensures that one entry has one value in force.
  'create unique index state_log_current on state_log (room, type, state_key) where until_position is null',
  'create index state_log_from on state_log (room, position)',
  // Entries in force sort last, so the state at a position is one range.
  `create index state_log_until on state_log (room, coalesce(until_position, ${Number.MAX_SAFE_INTEGER}))`,
  table(
    'memberships',
    { owner: 'domain/rooms; the newest membership of each user in each room', rowsGo: 'when the room is purged' },
    `user_number ${integer} not null`,
    `room ${integer} not null`,
    `membership ${text} not null`,
    `position ${integer} not null`,
    `forgotten ${integer} not null`,
    'primary key (user_number, room)',
  ),
  'create index memberships_of_room on memberships (room, membership, position)',
]

export const createRooms: Migration = {
  name: '0002-create-rooms',
  statements: (words) => [...roomsAndAliases(words), ...events(words), ...stateAndMemberships(words)],
}
