import type { Migration } from '../sql/engine/schema.ts'

/** Mails before an account ends. `tell_end_ms`: the end that its person is still to be told of, so that each end is told of once. */
export const tellOfAccountEnds: Migration = {
  name: '0960-tell-of-account-ends',
  statements: ({ integer }) => [
    `alter table accounts add column tell_end_ms ${integer} /* null: nobody has to be told */`,
    'create index accounts_tell_end on accounts (tell_end_ms, user_number) where tell_end_ms is not null',
  ],
}
