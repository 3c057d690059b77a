import type { Migration } from '../sql/engine/schema.ts'

/** `erased` is the position of the stream of events from which on a user's content is erased; 0 for the others. Before, it was 1 for all. */
export const indexErasures: Migration = {
  name: '0180-index-erasures',
  statements: () => ['create index accounts_erased on accounts (user_number) where erased > 0'],
}
