import { type Migration, type SchemaWords, table } from '../sql/engine/schema.ts'

const events = ({ integer, text, countedKey }: SchemaWords): readonly string[] => [
  table(
    'federation_progress',
    {
      owner:
        'outbox/federation; one row: every destination that is not in destinations_behind is served up to this position',
      rowsGo: 'never',
    },
    `place ${integer} primary key`,
    `position ${integer} not null`,
  ),
  'insert into federation_progress (place, position) select 1, coalesce(max(position), 0) from events',
  table(
    'destinations_behind',
    {
      owner: 'outbox/federation; servers that did not take what was sent, and up to which position they are served',
      rowsGo: 'when the server has caught up',
    },
    `server ${integer} primary key`,
    `position ${integer} not null`,
    `failures ${integer} not null`,
    `failing_since ${integer} not null`,
    // Null once nothing is sent until the server is heard of.
    `retry_at ${integer}`,
    `last_success ${integer}`,
  ),
  table(
    'outgoing_rooms',
    {
      owner: 'outbox/federation; position of the newest event of each room that had to go to other servers',
      rowsGo: 'when the room is purged',
    },
    `room ${integer} primary key`,
    `position ${integer} not null`,
  ),
  table(
    'forwarded_events',
    {
      owner:
        'outbox/federation; events by users of other servers that this server sends on, as it took them into the room',
      rowsGo: 'once many newer ones came',
    },
    `place ${countedKey}`,
    `event_id ${text} not null unique`,
  ),
]

const edus = ({ integer, text }: SchemaWords): readonly string[] => [
  "insert into stream_positions (stream, position) values ('federationEdus', 0)",
  table(
    'outgoing_edus',
    { owner: 'outbox/federation; EDUs that must not be lost', rowsGo: 'with the last row of waiting_edus' },
    // A position of the stream federationEdus.
    `edu ${integer} primary key`,
    `json ${text} not null`,
  ),
  table(
    'waiting_edus',
    {
      owner: 'outbox/federation; which destinations have not taken an EDU yet',
      rowsGo: 'when the destination took it, or is given up',
    },
    `server ${integer} not null`,
    `edu ${integer} not null`,
    `edu_key ${text}`,
    'primary key (server, edu)',
  ),
  'create index waiting_edus_of on waiting_edus (edu)',
  'create unique index waiting_edus_keys on waiting_edus (server, edu_key) where edu_key is not null',
]

/** Progress of what goes out to other homeservers. Events from before this table need not be sent. */
export const createFederationOut: Migration = {
  name: '0590-create-federation-out',
  statements: (words) => [...events(words), ...edus(words)],
}
