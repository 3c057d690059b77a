import { type Migration, table } from '../sql/engine/schema.ts'

export const createNoticeRooms: Migration = {
  name: '0390-create-notice-rooms',
  statements: ({ integer, text }) => [
    table(
      'notice_rooms',
      { owner: 'domain/flows/notices', rowsGo: 'when the account is deactivated' },
      `user_number ${integer} primary key`,
      `room_id ${text} not null`,
      `made ${integer} not null /* how many rooms for notices the user was given */`,
    ),
  ],
}
