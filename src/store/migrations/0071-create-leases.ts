import { type Migration, table } from '../sql/engine/schema.ts'

export const createLeases: Migration = {
  name: '0071-create-leases',
  statements: ({ integer, text }) => [
    table(
      'leases',
      { owner: 'store; work that one process at a time does', rowsGo: 'when its holder stops' },
      `name ${text} primary key`,
      `owner ${text} not null /* random, of one process */`,
      `until_ms ${integer} not null`,
    ),
  ],
}
