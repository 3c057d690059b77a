import type { Migration } from '../sql/engine/schema.ts'

/** Where messages were last removed from a room: counts made before hold some that are gone. */
export const placeRemovals: Migration = {
  name: '0940-place-removals',
  statements: ({ integer }) => [
    `alter table rooms add column last_removal_position ${integer} not null default 0 /* a position in the stream of events; 0: none */`,
  ],
}
