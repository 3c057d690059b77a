import type { Migration } from '../sql/engine/schema.ts'

/** The field of a profile that is on its way into rooms: the other one stays in each room as it is there. */
export const namePropagatedFields: Migration = {
  name: '0930-name-propagated-fields',
  statements: ({ text }) => [
    `alter table profile_updates add column field ${text} not null default '' /* displayname or avatar_url; empty: both */`,
  ],
}
