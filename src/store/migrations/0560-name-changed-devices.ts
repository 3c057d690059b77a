import { type Migration, table } from '../sql/engine/schema.ts'

/** Other servers are told which device of a user changed, each change once and in order. */
export const nameChangedDevices: Migration = {
  name: '0560-name-changed-devices',
  statements: ({ integer, text }) => [
    // Null: several devices, or a change from before this column. An empty text: the user's cross-signing keys.
    `alter table device_list_changes add column device_id ${text}`,
    table(
      'device_lists_told',
      {
        owner: 'outbox/device-lists; how far in the stream deviceLists other servers were told',
        rowsGo: 'never: it has one row',
      },
      `only_row ${integer} primary key`,
      `position ${integer} not null`,
    ),
    'insert into device_lists_told (only_row, position) select 1, coalesce(max(position), 0) from device_list_changes',
  ],
}
