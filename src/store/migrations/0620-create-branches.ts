import { type Migration, type SchemaWords, table } from '../sql/engine/schema.ts'

const states = ({ integer, text, lastingKey }: SchemaWords): readonly string[] => [
  // Nothing wrote rows of it: no history branched.
  'drop table prior_differences',
  `alter table events add column prior_state ${integer}`,
  table(
    'branch_states',
    {
      owner: 'domain/rooms; states before events that differ from the log',
      rowsGo: 'when the room is purged',
    },
    `state ${lastingKey}`,
    `room ${integer} not null`,
    `at ${integer} not null`,
    // JSON: the states whose entries count where this one has none, nearest first; of bounded length.
    `chain ${text} not null`,
  ),
  'create index branch_states_of_room on branch_states (room)',
  table(
    'branch_entries',
    {
      owner: 'domain/rooms; the entries in which a state differs from the next one of its chain',
      rowsGo: 'with the state',
    },
    `state ${integer} not null`,
    `type ${text} not null`,
    `state_key ${text} not null`,
    // Null: there is no such entry.
    `event ${integer}`,
    'primary key (state, type, state_key)',
  ),
  // For events that get another number when they come into the timeline.
  'create index branch_entries_of_outliers on branch_entries (event) where event < 0',
]

const refused = ({ integer, text }: SchemaWords): readonly string[] => [
  table(
    'refusals',
    { owner: 'domain/rooms; why an event was rejected or soft-failed', rowsGo: 'when it is allowed, or purged' },
    `event ${integer} primary key`,
    `reason ${text} not null`,
  ),
  table(
    'lacking_events',
    {
      owner: 'domain/rooms; events without which another one was rejected',
      rowsGo: 'when the other one is allowed, or the room is purged',
    },
    `room ${integer} not null`,
    `lacked ${text} not null`,
    `event_id ${text} not null`,
    'primary key (room, lacked, event_id)',
  ),
  table(
    'waiting_redactions',
    {
      owner: 'domain/rooms; redactions that came before their target',
      rowsGo: 'when the target comes, or the room is purged',
    },
    `room ${integer} not null`,
    `target ${text} not null`,
    `redaction ${text} not null`,
    'primary key (room, target, redaction)',
  ),
  table(
    'resolved_changes',
    {
      owner: 'domain/rooms; changes of the current state that no accepted event made',
      rowsGo: 'when the room is purged',
    },
    `room ${integer} not null`,
    `position ${integer} not null`,
    `type ${text} not null`,
    `state_key ${text} not null`,
    `before ${integer}`,
    `after ${integer}`,
    'primary key (room, position, type, state_key)',
  ),
  `alter table missing_events add column depth ${integer} not null default 0`,
]

export const createBranches: Migration = {
  name: '0620-create-branches',
  statements: (words) => [...states(words), ...refused(words)],
}
