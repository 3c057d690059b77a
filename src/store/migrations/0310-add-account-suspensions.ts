import type { Migration } from '../sql/engine/schema.ts'

export const addAccountSuspensions: Migration = {
  name: '0310-add-account-suspensions',
  statements: ({ integer }) => [
    `alter table accounts add column suspended_ms ${integer} /* when an administrator suspended it; null: it is not suspended */`,
  ],
}
