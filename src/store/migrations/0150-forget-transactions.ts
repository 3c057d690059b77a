import { type Migration, table } from '../sql/engine/schema.ts'

/** How far the events were looked through for transactions that are too old to keep. */
export const forgetTransactions: Migration = {
  name: '0150-forget-transactions',
  statements: ({ integer }) => [
    table(
      'forgotten_transactions',
      { owner: 'domain/rooms; one row', rowsGo: 'never' },
      `id ${integer} primary key`,
      `up_to ${integer} not null`,
    ),
    'insert into forgotten_transactions (id, up_to) values (1, 0)',
  ],
}
