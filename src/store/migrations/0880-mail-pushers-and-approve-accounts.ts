import type { Migration } from '../sql/engine/schema.ts'

export const mailPushersAndApproveAccounts: Migration = {
  name: '0880-mail-pushers-and-approve-accounts',
  statements: ({ integer, text }) => [
    `alter table pushers add column kind ${text} not null default 'http' /* http or email */`,
    `alter table pushers add column progress_json ${text} /* of kind email: what was mailed of which room, and when */`,
    `alter table accounts add column awaits_approval ${integer} not null default 0 /* 1: cannot be used until an administrator agrees */`,
    'create index accounts_awaiting on accounts (user_number) where awaits_approval = 1',
  ],
}
