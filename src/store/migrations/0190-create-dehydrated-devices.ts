import { type Migration, table } from '../sql/engine/schema.ts'

export const createDehydratedDevices: Migration = {
  name: '0190-create-dehydrated-devices',
  statements: ({ integer, text }) => [
    table(
      'dehydrated_devices',
      {
        owner: 'domain/flows/e2ee; devices that receive keys while nobody is logged in',
        rowsGo: 'with the device: when the user replaces or deletes it, and with the account',
      },
      `user_number ${integer} primary key`,
      `device ${integer} not null`,
      `device_data_json ${text} not null /* sealed by the client */`,
    ),
    'create index dehydrated_devices_by_device on dehydrated_devices (device)',
  ],
}
