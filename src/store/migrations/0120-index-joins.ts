import type { Migration } from '../sql/engine/schema.ts'

/** The last join of a user in a room is one step into an index, however often their membership changed since. */
export const indexJoins: Migration = {
  name: '0120-index-joins',
  statements: () => [
    // Only member events have a membership.
    "create index state_log_joins on state_log (room, state_key, position) where membership = 'join'",
  ],
}
