import type { Generated } from 'kysely'
import type { EventId, RoomId, ServerName } from '#spec'
import type {
  ReceivedTransaction,
  StagedTransactionsReader,
  StagedTransactionsWriter,
} from '../../ports/federation/staged-transactions.ts'
import { type Db, defineWrite, insertInto, queriesOver } from '../engine/index.ts'

interface StagedTables {
  readonly received_transactions: {
    readonly origin: ServerName
    readonly txn_id: string
    readonly answer_json: string
    readonly received_ms: number
  }
  readonly staged_pdus: {
    readonly staged: Generated<number>
    readonly origin: ServerName
    readonly room_id: RoomId
    readonly event_id: EventId
    readonly pdu_json: string
    readonly tries: number
  }
  readonly staged_edus: {
    readonly staged: Generated<number>
    readonly origin: ServerName
    readonly type: string
    readonly content_json: string
    readonly tries: number
  }
}

const query = queriesOver<StagedTables>()

const answerOf = query((db, param: { origin: ServerName; txnId: string }) =>
  db
    .selectFrom('received_transactions')
    .select('answer_json')
    .where('origin', '=', param.origin)
    .where('txn_id', '=', param.txnId),
)
const pdusOf = query((db, param: { roomId: RoomId; limit: number }) =>
  db
    .selectFrom('staged_pdus')
    .select(['staged', 'origin', 'room_id as roomId', 'event_id as eventId', 'pdu_json as pduJson', 'tries'])
    .where('room_id', '=', param.roomId)
    .orderBy('staged')
    .limit(param.limit),
)
const roomsOf = query((db) =>
  db
    .selectFrom('staged_pdus')
    .select(({ fn }) => ['room_id as roomId', 'origin', fn.countAll<number>().as('pdus')])
    .groupBy(['room_id', 'origin']),
)
const edusOf = query((db, param: { origin: ServerName; limit: number }) =>
  db
    .selectFrom('staged_edus')
    .select(['staged', 'origin', 'type', 'content_json as contentJson', 'tries'])
    .where('origin', '=', param.origin)
    .orderBy('staged')
    .limit(param.limit),
)
const originsOf = query((db) =>
  db
    .selectFrom('staged_edus')
    .select(({ fn }) => ['origin', fn.countAll<number>().as('edus')])
    .groupBy('origin'),
)

const insertTransaction = insertInto(
  'received_transactions',
  { origin: 'text', txn_id: 'text', answer_json: 'text', received_ms: 'integer' },
  { ifExists: 'transaction-received' },
)
const insertPdus = insertInto(
  'staged_pdus',
  { origin: 'text', room_id: 'text', event_id: 'text', pdu_json: 'text', tries: 'integer' },
  { ifExists: 'ignore' },
)
const insertEdus = insertInto('staged_edus', { origin: 'text', type: 'text', content_json: 'text', tries: 'integer' })
const deletePdus = query((db, param: { staged: readonly number[] }, { integers }) =>
  db.deleteFrom('staged_pdus').where('staged', 'in', integers(param.staged)),
)
const deleteEdus = query((db, param: { staged: readonly number[] }, { integers }) =>
  db.deleteFrom('staged_edus').where('staged', 'in', integers(param.staged)),
)
const triedPdus = query((db, param: { staged: readonly number[] }, { integers }) =>
  db
    .updateTable('staged_pdus')
    .set(({ eb }) => ({ tries: eb('tries', '+', 1) }))
    .where('staged', 'in', integers(param.staged)),
)
const triedEdus = query((db, param: { staged: readonly number[] }, { integers }) =>
  db
    .updateTable('staged_edus')
    .set(({ eb }) => ({ tries: eb('tries', '+', 1) }))
    .where('staged', 'in', integers(param.staged)),
)
const forgetOld = query((db, param: { beforeMs: number; limit: number }) =>
  db
    .deleteFrom('received_transactions')
    .where(({ eb, refTuple, selectFrom }) =>
      eb(
        refTuple('origin', 'txn_id'),
        'in',
        selectFrom('received_transactions')
          .select(['origin', 'txn_id'])
          .where('received_ms', '<', param.beforeMs)
          .orderBy('received_ms')
          .limit(param.limit)
          .$asTuple('origin', 'txn_id'),
      ),
    ),
)

const receive = defineWrite(
  'stagedTransactions.receive',
  async (tx, { origin, txnId, answerJson, receivedMs, pdus, edus }: ReceivedTransaction): Promise<void> => {
    const row = { origin, txn_id: txnId, answer_json: answerJson, received_ms: receivedMs }
    await tx.insertMany(insertTransaction, [row])
    const pduRows = pdus.map(({ roomId, eventId, pduJson, origin: of }) => ({
      ...{ origin: of, room_id: roomId, event_id: eventId, pdu_json: pduJson, tries: 0 },
    }))
    if (pduRows.length > 0) await tx.insertMany(insertPdus, pduRows)
    const eduRows = edus.map(({ type, contentJson, origin: of }) => ({
      ...{ origin: of, type, content_json: contentJson, tries: 0 },
    }))
    if (eduRows.length > 0) await tx.insertMany(insertEdus, eduRows)
  },
)
const removePdus = defineWrite(
  'stagedTransactions.removePdus',
  async (tx, input: { staged: readonly number[] }): Promise<void> => {
    await tx.run(deletePdus, input)
  },
)
const removeEdus = defineWrite(
  'stagedTransactions.removeEdus',
  async (tx, input: { staged: readonly number[] }): Promise<void> => {
    await tx.run(deleteEdus, input)
  },
)
const countTries = defineWrite(
  'stagedTransactions.countTries',
  async (tx, { kind, staged }: { kind: 'pdus' | 'edus'; staged: readonly number[] }): Promise<void> => {
    await tx.run(kind === 'pdus' ? triedPdus : triedEdus, { staged })
  },
)
const forget = defineWrite(
  'stagedTransactions.forget',
  (tx, input: { beforeMs: number; limit: number }): Promise<number> => tx.run(forgetOld, input),
)

export const stagedTransactionWrites = [receive, removePdus, removeEdus, countTries, forget]

export const stagedTransactionsWriter: StagedTransactionsWriter = {
  receive: (transaction) => receive(transaction),
  removePdus: (staged) => removePdus({ staged }),
  removeEdus: (staged) => removeEdus({ staged }),
  countTries: (kind, staged) => countTries({ kind, staged }),
  forget: (beforeMs, limit) => forget({ beforeMs, limit }),
}

export const stagedTransactionsReader = (db: Db): StagedTransactionsReader => ({
  answerTo: async (origin, txnId) => (await db.first(answerOf, { origin, txnId }))?.answer_json,
  stagedPdus: (roomId, limit) => db.all(pdusOf, { roomId, limit }),
  stagedRooms: () => db.longAll(roomsOf, {}),
  stagedEdus: (origin, limit) => db.all(edusOf, { origin, limit }),
  stagedOrigins: () => db.longAll(originsOf, {}),
})
