import { type Migration, table } from '../sql/engine/schema.ts'

/** Positions and transactions of application services, and the lists of rooms that they keep for their networks. */
export const createAppservices: Migration = {
  name: '0885-create-appservices',
  statements: ({ integer, text }) => [
    table(
      'appservice_progress',
      {
        owner:
          'outbox/appservices; how far in each stream a service has all that concerns it, and its newest transaction',
        rowsGo: 'never: one row a service, which goes on where it was when its registration comes back',
      },
      `service ${text} primary key`,
      `events ${integer} not null`,
      `receipts ${integer} not null`,
      `device_lists ${integer} not null`,
      `txn ${integer} not null`,
      `last_success ${integer}`,
    ),
    table(
      'appservice_transactions',
      {
        owner: 'outbox/appservices; the transaction that is under way to a service',
        rowsGo: 'when the service took it',
      },
      `service ${text} primary key`,
      `txn ${integer} not null`,
      `body ${text} not null`,
      `items ${integer} not null`,
      // JSON: [device, position] of the messages between devices in it.
      `inboxes ${text} not null`,
    ),
    table(
      'network_rooms',
      {
        owner: 'domain/appservices; rooms that a service lists for one of its networks',
        rowsGo: 'when the service takes the room from its list, or the room is purged',
      },
      `service ${text} not null`,
      `network ${text} not null`,
      `room ${integer} not null`,
      'primary key (room, service, network)',
    ),
    'create index network_rooms_of on network_rooms (service, network, room)',
  ],
}
