import { type Migration, table } from '../sql/engine/schema.ts'

export const createKeyBackups: Migration = {
  name: '0130-create-key-backups',
  statements: ({ integer, text, lastingKey }) => [
    table(
      'key_backups',
      { owner: 'domain/key-backups', rowsGo: 'when their user deletes them, and with the account' },
      `backup ${lastingKey}`,
      `user_number ${integer} not null`,
      `version ${integer} not null`,
      `algorithm ${text} not null`,
      `auth_data_json ${text} not null`,
      `device_id ${text} not null /* of the device that made it: for diagnosis */`,
      `etag ${integer} not null`,
      `sessions ${integer} not null`,
      `size_bytes ${integer} not null`,
      'unique (user_number, version)',
    ),
    table(
      'key_backup_versions',
      { owner: 'domain/key-backups; the newest version a user ever had', rowsGo: 'with the account' },
      `user_number ${integer} primary key`,
      `newest ${integer} not null`,
    ),
    table(
      'key_backup_sessions',
      { owner: 'domain/key-backups', rowsGo: 'when their user deletes them; those of a deleted backup in pieces' },
      `backup ${integer} not null`,
      `session_id ${text} not null`,
      `room_id ${text} not null`,
      `first_message_index ${integer} not null`,
      `forwarded_count ${integer} not null`,
      `is_verified ${integer} not null`,
      `session_json ${text} not null`,
      `size_bytes ${integer} not null`,
      'primary key (backup, session_id, room_id)',
    ),
    'create unique index key_backup_sessions_of_room on key_backup_sessions (backup, room_id, session_id)',
    table(
      'gone_key_backups',
      { owner: 'domain/key-backups; deleted ones whose sessions are being removed', rowsGo: 'when nothing is left' },
      `backup ${integer} primary key`,
    ),
  ],
}
