import type { Migration } from '../sql/engine/schema.ts'

/** Accounts as administrators see and change them. `name` repeats the user id, for lists of local users alone in its order. */
export const administerAccounts: Migration = {
  name: '0781-administer-accounts',
  statements: ({ integer, text }) => [
    `alter table accounts add column name ${text}`,
    'update accounts set name = (select user_id from users where users.user_number = accounts.user_number)',
    `alter table accounts add column user_type ${text} /* bot, support …; null: a person */`,
    `alter table accounts add column shadow_banned ${integer} not null default 0`,
    `alter table accounts add column rate_per_second ${integer} /* instead of the configured limits; null: these; 0: none */`,
    `alter table accounts add column rate_burst ${integer}`,
    `alter table accounts add column expires_ms ${integer} /* after which it can do nothing; null: never */`,
    'create unique index accounts_name on accounts (name)',
    'create index accounts_created on accounts (created_ms, name)',
  ],
}
