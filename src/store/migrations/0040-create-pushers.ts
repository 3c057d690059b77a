import { type Migration, table } from '../sql/engine/schema.ts'

export const createPushers: Migration = {
  name: '0040-create-pushers',
  statements: ({ integer, text, lastingKey }) => [
    table(
      'pushers',
      {
        owner: 'domain/pushers; position is the outbox’s cursor',
        rowsGo: 'with the device, or once a gateway rejects it',
      },
      `pusher ${lastingKey}`,
      `user_number ${integer} not null`,
      `device ${integer}`,
      `app_id ${text} not null`,
      `pushkey ${text} not null`,
      `app_display_name ${text} not null`,
      `device_display_name ${text} not null`,
      `profile_tag ${text}`,
      `lang ${text} not null`,
      `data_json ${text} not null`,
      `set_ms ${integer} not null`,
      `position ${integer} not null`,
      'unique (user_number, app_id, pushkey)',
    ),
    'create index pushers_by_key on pushers (pushkey, app_id)',
  ],
}
