import { type Migration, table } from '../sql/engine/schema.ts'

export const createDevices: Migration = {
  name: '0011-create-devices',
  statements: ({ integer, text, lastingKey }) => [
    table(
      'devices',
      { owner: 'domain/devices', rowsGo: 'with logout, removal of the device or deactivation' },
      `device ${lastingKey}`,
      `user_number ${integer} not null`,
      `device_id ${text} not null`,
      `display_name ${text}`,
      `seen_ms ${integer}`,
      `seen_ip ${text}`,
      `seen_user_agent ${text}`,
      'unique (user_number, device_id)',
    ),
    table(
      'token_pairs',
      {
        owner: 'domain/devices',
        rowsGo: 'with the device, with a new login on it, or once the pair it was exchanged for is used',
      },
      `token ${lastingKey}`,
      `device ${integer} not null`,
      `access_hash ${text} not null unique`,
      `access_expires_ms ${integer}`,
      `refresh_hash ${text} unique`,
      `refresh_expires_ms ${integer}`,
      `predecessor ${integer} /* the pair it was exchanged for, until it is used */`,
    ),
    'create index token_pairs_device on token_pairs (device)',
  ],
}
