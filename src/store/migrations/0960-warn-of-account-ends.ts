import type { Migration } from '../sql/engine/schema.ts'

/** Mails before an account ends. `warned_of_ms`: the end that the last one told of, so that each end is told of once. */
export const warnOfAccountEnds: Migration = {
  name: '0960-warn-of-account-ends',
  statements: ({ integer }) => [
    `alter table accounts add column warned_of_ms ${integer}`,
    `alter table accounts add column renewal_mails ${integer} not null default 1`,
    // Ends that were over before there were such mails are not told of.
    'update accounts set renewal_mails = 0 where expires_ms is not null',
    'create index accounts_expires on accounts (expires_ms, user_number) where expires_ms is not null',
  ],
}
