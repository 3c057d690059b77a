import type { Migration } from '../sql/engine/schema.ts'

export const switchPushers: Migration = {
  name: '0420-switch-pushers',
  statements: ({ integer }) => [
    `alter table pushers add column enabled ${integer} not null default 1 /* 0: its user switched it off, maybe from another device */`,
  ],
}
