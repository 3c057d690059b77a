import { type Migration, type SchemaWords, table } from '../sql/engine/schema.ts'

const relations = ({ integer, text }: SchemaWords): readonly string[] => [
  table(
    'relations',
    {
      owner: 'domain/rooms; an event that relates to another, and is not redacted',
      rowsGo: 'when the event is redacted, or the room is purged',
    },
    `event ${integer} primary key`,
    `room ${integer} not null`,
    // An id: the other event may be unknown here.
    `target ${text} not null`,
    `rel_type ${text} not null`,
    `type ${text} not null`,
    `sender ${integer} not null`,
    `depth ${integer} not null`,
    // 1 for a replacement that is valid as far as it can tell by itself.
    `edits ${integer}`,
    // Stands for the type and key of an annotation.
    `annotation ${integer}`,
  ),
  'create index relations_of on relations (room, target, depth, event)',
  'create index relations_of_type on relations (room, target, rel_type, depth, event)',
  'create index relations_of_sender on relations (room, target, sender, rel_type, annotation, event)',
  'create index relations_editing on relations (room, target, sender, type, event) where edits = 1',
  table(
    'indirect_relations',
    {
      owner: 'domain/rooms; what an event relates to by way of one or two others',
      rowsGo: 'when the event is redacted, or the room is purged',
    },
    `event ${integer} not null`,
    `target ${text} not null`,
    `room ${integer} not null`,
    // The event to which this one relates directly, and the one on the way that relates directly to the target; the row counts while both do.
    `parent ${integer} not null`,
    `via ${integer} not null`,
    `depth ${integer} not null`,
    'primary key (event, target)',
  ),
  'create index indirect_relations_of on indirect_relations (room, target, depth, event)',
]

const threads = ({ integer, text }: SchemaWords): readonly string[] => [
  table(
    'threads',
    {
      owner: 'domain/rooms; the number of replies that are not redacted, and the newest of them',
      rowsGo: 'when the last reply is redacted, or the room is purged',
    },
    `room ${integer} not null`,
    `root ${text} not null`,
    `replies ${integer} not null`,
    `latest ${integer} not null`,
    'primary key (room, root)',
  ),
  'create index threads_latest on threads (room, latest)',
  table(
    'thread_senders',
    {
      owner: 'domain/rooms; the same for each sender in a thread',
      rowsGo: 'when the sender’s last reply is redacted, or the room is purged',
    },
    `room ${integer} not null`,
    `root ${text} not null`,
    `sender ${integer} not null`,
    `replies ${integer} not null`,
    `latest ${integer} not null`,
    'primary key (room, root, sender)',
  ),
]

const filled = ({ integer }: SchemaWords): readonly string[] => [
  table(
    'relations_filled',
    {
      owner: 'domain/rooms; one row: how far the events from before this table were looked through, and where they end',
      rowsGo: 'never',
    },
    `id ${integer} primary key`,
    `up_to ${integer} not null`,
    `last ${integer} not null`,
  ),
  'insert into relations_filled (id, up_to, last) select 1, 0, coalesce(max(event), 0) from events',
]

/** Relations by what they relate to. Events of before are looked through in pieces, after the start. */
export const createRelations: Migration = {
  name: '0360-create-relations',
  statements: (words) => [...relations(words), ...threads(words), ...filled(words)],
}
