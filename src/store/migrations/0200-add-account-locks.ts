import type { Migration } from '../sql/engine/schema.ts'

export const addAccountLocks: Migration = {
  name: '0200-add-account-locks',
  statements: ({ integer }) => [
    `alter table accounts add column locked_ms ${integer} /* when the operator locked it; null: it is not locked */`,
  ],
}
