import type { Migration } from '../sql/engine/schema.ts'

/**
 * The number of a relation's event once more, beside the primary key: ranges and orders by it cannot be answered from the primary key, which a planner
 * prefers to the index of one event's relations, and then walks over all that were ever stored.
 */
export const placeRelations: Migration = {
  name: '0430-place-relations',
  statements: ({ integer }) => [
    `alter table relations add column place ${integer}`,
    'update relations set place = event',
    'drop index relations_of_sender',
    'drop index relations_editing',
    'create index relations_of_sender on relations (room, target, sender, rel_type, annotation, place)',
    'create index relations_editing on relations (room, target, sender, type, place) where edits = 1',
  ],
}
