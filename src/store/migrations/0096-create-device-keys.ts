import { type Migration, table } from '../sql/engine/schema.ts'

export const createDeviceKeys: Migration = {
  name: '0096-create-device-keys',
  statements: ({ integer, text, lastingKey }) => [
    table(
      'device_keys',
      { owner: 'domain/e2ee; the identity keys of a device, as canonical JSON', rowsGo: 'with the device' },
      `device ${integer} primary key`,
      `user_number ${integer} not null`,
      `device_id ${text} not null`,
      `keys_json ${text} not null`,
    ),
    'create index device_keys_of_user on device_keys (user_number, device_id)',
    table(
      'one_time_keys',
      {
        owner: 'domain/e2ee; claimed ones stay a while, so that a repeated upload does not offer them again',
        rowsGo: 'with the device; claimed ones when a later upload finds many newer claimed ones',
      },
      // Grows with each upload: keys are given out in this order.
      `one_time_key ${lastingKey}`,
      `device ${integer} not null`,
      `algorithm ${text} not null`,
      `key_id ${text} not null`,
      `key_json ${text} not null`,
      `claimed ${integer} not null`,
      // In the stream toDevice: when the row last changed.
      `position ${integer} not null`,
      'unique (device, algorithm, key_id)',
    ),
    'create index one_time_keys_to_claim on one_time_keys (device, algorithm, one_time_key) where claimed = 0',
    'create index one_time_keys_claimed on one_time_keys (device, one_time_key) where claimed = 1',
    table(
      'fallback_keys',
      { owner: 'domain/e2ee', rowsGo: 'with the device, or when the device uploads another one' },
      `device ${integer} not null`,
      `algorithm ${text} not null`,
      `key_id ${text} not null`,
      `key_json ${text} not null`,
      `used ${integer} not null`,
      `position ${integer} not null`,
      'primary key (device, algorithm)',
    ),
    table(
      'device_list_changes',
      {
        owner: 'domain/e2ee; the stream deviceLists, one row for each change of keys of a user',
        rowsGo: 'when the user has fifty newer ones',
      },
      `position ${integer} primary key`,
      `user_number ${integer} not null`,
      // 1: only for the user, not for those who share rooms with them.
      `own_only ${integer} not null`,
    ),
    'create index device_list_changes_of_user on device_list_changes (user_number, position)',
  ],
}
