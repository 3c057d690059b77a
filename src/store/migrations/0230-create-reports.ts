import { type Migration, table } from '../sql/engine/schema.ts'

export const createReports: Migration = {
  name: '0230-create-reports',
  statements: ({ integer, text, countedKey }) => [
    table(
      'reports',
      {
        owner: 'domain/reports; read by whoever administers',
        rowsGo: 'the oldest, of a reporter and of all, beyond a number',
      },
      `report ${countedKey}`,
      `reporter ${integer} not null`,
      // The subject: empty where a report names none of the kind.
      `room_id ${text} not null`,
      `event_id ${text} not null`,
      `user_id ${text} not null`,
      `reason ${text} not null`,
      `reported_ms ${integer} not null`,
      `is_founded ${integer} not null /* whether the subject was known here, and an event to be seen by its reporter */`,
      'unique (reporter, room_id, event_id, user_id)',
    ),
    'create index reports_of_reporter on reports (reporter, report)',
  ],
}
