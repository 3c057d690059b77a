import { type Migration, table } from '../sql/engine/schema.ts'

export const createToDevice: Migration = {
  name: '0090-create-to-device',
  statements: ({ integer, text }) => [
    table(
      'to_device_messages',
      {
        owner: 'domain/to-device; messages that wait for a device',
        rowsGo: 'when the device shows that it has them; those of a removed device with it, or in pieces soon after',
      },
      `device ${integer} not null`,
      `position ${integer} not null`,
      `sender ${integer} not null`,
      `type ${text} not null`,
      `content_json ${text} not null`,
      `size_bytes ${integer} not null`,
      `total_bytes ${integer} not null /* of this message and those before it in the inbox, from any beginning */`,
      'primary key (device, position)',
    ),
    table(
      'to_device_transactions',
      { owner: 'domain/to-device; requests that were carried out, so that none is twice', rowsGo: 'after a week' },
      `source ${text} not null /* a device of ours, or another server */`,
      `id ${text} not null`,
      `at_ms ${integer} not null`,
      'primary key (source, id)',
    ),
    'create index to_device_transactions_by_age on to_device_transactions (at_ms)',
    table(
      'gone_devices',
      {
        owner: 'domain/devices; devices that were removed, and of which something may be left',
        rowsGo: 'when nothing is left',
      },
      `device ${integer} primary key`,
      `user_number ${integer} not null`,
      `device_id ${text} not null`,
    ),
    'create index gone_devices_of_user on gone_devices (user_number)',
  ],
}
