import { type Migration, table } from '../sql/engine/schema.ts'

export const createRemoteDeviceLists: Migration = {
  name: '0720-create-remote-device-lists',
  statements: ({ integer, text }) => [
    table(
      'remote_device_lists',
      {
        owner: 'domain/e2ee; users of other servers whose devices are kept here, in step with their server',
        rowsGo: 'when the user shares no room with anybody here any more',
      },
      `user_number ${integer} primary key`,
      `server ${text} not null`,
      // Ids of changes that the list has, the newest last, as JSON.
      `known_ids ${text} not null`,
      // In the stream of events: before the list was asked for.
      `asked_position ${integer} not null`,
      // Null while the list is right; else when to ask for it.
      `ask_at_ms ${integer}`,
      `failures ${integer} not null`,
    ),
    'create index remote_device_lists_to_ask on remote_device_lists (server, ask_at_ms) where ask_at_ms is not null',
    table(
      'remote_devices',
      { owner: 'domain/e2ee', rowsGo: 'with the row of remote_device_lists, or when the user removes the device' },
      `user_number ${integer} not null`,
      `device_id ${text} not null`,
      `keys_json ${text} not null`,
      `display_name ${text}`,
      'primary key (user_number, device_id)',
    ),
  ],
}
