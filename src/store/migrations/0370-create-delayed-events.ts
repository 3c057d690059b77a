import { type Migration, table } from '../sql/engine/schema.ts'

export const createDelayedEvents: Migration = {
  name: '0370-create-delayed-events',
  statements: ({ integer, text }) => [
    table(
      'delayed_events',
      {
        owner: 'domain/delayed-events',
        rowsGo: 'with the account; finalised ones after a week, or beyond a number and an amount of bytes of a user',
      },
      `delay_id ${text} primary key`,
      `user_number ${integer} not null`,
      `device ${integer} not null`,
      // The kind of the request and its transaction id, of that device; null where the request had none.
      `transaction_key ${text}`,
      `room_id ${text} not null`,
      `type ${text} not null`,
      `state_key ${text}`,
      `content_json ${text} not null`,
      `sticky_ms ${integer}`,
      `delay_ms ${integer} not null`,
      `scheduled_at_ms ${integer} not null /* or last restarted */`,
      `due_at_ms ${integer} not null`,
      `after_position ${integer} not null /* of the stream of events, when it was scheduled */`,
      `size_bytes ${integer} not null`,
      // Of finalised ones.
      `finalised_at_ms ${integer}`,
      `finalised_bytes ${integer} /* of this one and all before it, of the user */`,
      `event_id ${text}`,
      `error_json ${text}`,
    ),
    'create index delayed_events_due on delayed_events (due_at_ms) where finalised_at_ms is null',
    'create index delayed_events_of_user on delayed_events (user_number, due_at_ms) where finalised_at_ms is null',
    `create index delayed_events_of_entry on delayed_events (room_id, type, state_key)
      where finalised_at_ms is null and state_key is not null`,
    'create index delayed_events_finalised on delayed_events (user_number, finalised_bytes) where finalised_at_ms is not null',
    'create index delayed_events_old on delayed_events (finalised_at_ms) where finalised_at_ms is not null',
    `create unique index delayed_events_transaction on delayed_events (device, transaction_key)
      where transaction_key is not null`,
    table(
      'delayed_event_totals',
      { owner: 'domain/delayed-events', rowsGo: 'with the account; one a user who ever delayed an event' },
      `user_number ${integer} primary key`,
      `scheduled ${integer} not null`,
      `scheduled_bytes ${integer} not null`,
      `finalised_bytes ${integer} not null /* ever */`,
    ),
  ],
}
