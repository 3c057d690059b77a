import type { Migration } from '../sql/engine/schema.ts'

/**
 * A change of a device list may be told to one user alone, and not always to the one whose list it is: who signs another person's key hears
 * of it on their other devices.
 */
export const tellOneUser: Migration = {
  name: '0210-tell-one-user',
  statements: ({ integer }) => [
    `alter table device_list_changes add column told_to ${integer}`,
    'update device_list_changes set told_to = user_number where own_only = 1',
    'alter table device_list_changes drop column own_only',
    'create index device_list_changes_told on device_list_changes (told_to, position) where told_to is not null',
  ],
}
