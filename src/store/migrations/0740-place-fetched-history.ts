import type { Migration } from '../sql/engine/schema.ts'

export const placeFetchedHistory: Migration = {
  name: '0740-place-fetched-history',
  statements: ({ integer }) => [
    // Fetched history: the last position of the stream that came before the event's successors did. Null for all other events.
    `alter table events add column history_at ${integer}`,
    // The same for the event, should it come.
    `alter table missing_events add column history_at ${integer} not null default 0`,
  ],
}
