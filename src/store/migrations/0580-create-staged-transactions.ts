import { type Migration, table } from '../sql/engine/schema.ts'

export const createStagedTransactions: Migration = {
  name: '0580-create-staged-transactions',
  statements: ({ integer, text, countedKey }) => [
    table(
      'received_transactions',
      { owner: 'domain/federation; transactions of other servers and their answers', rowsGo: 'after a day' },
      `origin ${text} not null`,
      `txn_id ${text} not null`,
      `answer_json ${text} not null`,
      `received_ms ${integer} not null`,
      'primary key (origin, txn_id)',
    ),
    'create index received_transactions_old on received_transactions (received_ms)',
    table(
      'staged_pdus',
      {
        owner: 'domain/rooms; events from outside that are not looked at yet',
        rowsGo: 'when the event was taken or dropped',
      },
      `staged ${countedKey}`,
      `origin ${text} not null`,
      `room_id ${text} not null`,
      `event_id ${text} not null`,
      `pdu_json ${text} not null`,
      `tries ${integer} not null`,
      'unique (room_id, event_id, origin)',
    ),
    'create index staged_pdus_of_room on staged_pdus (room_id, staged)',
    table(
      'staged_edus',
      { owner: 'domain/federation; what other servers told and nobody has taken yet', rowsGo: 'when it was taken' },
      `staged ${countedKey}`,
      `origin ${text} not null`,
      `type ${text} not null`,
      `content_json ${text} not null`,
      `tries ${integer} not null`,
    ),
    'create index staged_edus_of_origin on staged_edus (origin, staged)',
    table(
      'failed_pulls',
      {
        owner: 'domain/rooms; events that could not be had from a server, so that it is not asked again and again',
        rowsGo: 'when the event came, or a week after the last attempt',
      },
      `event_id ${text} not null`,
      `server ${text} not null`,
      `tries ${integer} not null`,
      `until_ms ${integer} not null /* no earlier attempt */`,
      'primary key (event_id, server)',
    ),
    'create index failed_pulls_old on failed_pulls (until_ms)',
  ],
}
