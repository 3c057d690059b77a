import { type Migration, type SchemaWords, table } from '../sql/engine/schema.ts'

const roomsAndAliases = ({ integer, text, countedKey }: SchemaWords): readonly string[] => [
  table(
    'rooms',
    { owner: 'domain/rooms', rowsGo: 'never' },
    `room ${countedKey}`,
    `room_id ${text} not null unique`,
    `version ${text} not null`,
    `sequence ${integer} not null`,
    `extremities ${text} not null`,
    `joined_count ${integer} not null`,
    `invited_count ${integer} not null`,
    `published ${integer} not null`,
    `last_position ${integer} not null`,
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
    { owner: 'domain/rooms; redaction replaces json', rowsGo: 'never' },
    `position ${integer} primary key`,
    `event_id ${text} not null unique`,
    `room ${integer} not null`,
    `type ${text} not null`,
    `state_key ${text}`,
    `sender ${integer} not null`,
    `origin_server_ts ${integer} not null`,
    `depth ${integer} not null`,
    `rejected ${integer} not null`,
    `soft_failed ${integer} not null`,
    `redacted_by ${integer}`,
    `replaces ${integer}`,
    `txn_device ${integer}`,
    `txn_scope ${text}`,
    `txn_id ${text}`,
    `json ${text} not null`,
  ),
  'create index events_timeline on events (room, position)',
  'create index events_by_time on events (room, origin_server_ts)',
  'create unique index events_transaction on events (txn_device, txn_scope, txn_id) where txn_device is not null',
]

const stateAndMemberships = ({ integer, text }: SchemaWords): readonly string[] => [
  table(
    'state_log',
    { owner: 'domain/rooms; one row for each change of one entry of a room’s state', rowsGo: 'never' },
    `room ${integer} not null`,
    `type ${text} not null`,
    `state_key ${text} not null`,
    `position ${integer} not null`,
    `until_position ${integer}`,
    `event_position ${integer} not null`,
    `membership ${text}`,
    'primary key (room, type, state_key, position)',
  ),
  // Also the promise that one entry has one value in force.
  'create unique index state_log_current on state_log (room, type, state_key) where until_position is null',
  'create index state_log_from on state_log (room, position)',
  // What is in force ends last of all: so the state at a position is one range.
  `create index state_log_until on state_log (room, coalesce(until_position, ${Number.MAX_SAFE_INTEGER}))`,
  table(
    'memberships',
    { owner: 'domain/rooms; the newest membership of each user in each room', rowsGo: 'never' },
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
