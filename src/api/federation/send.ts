import Type from 'typebox'
import type { ReceiveTransactions } from '#domain'
import { type AnyEndpoint, endpoint, RawJson, server } from '#http'
import { type JsonValue, MatrixError } from '#spec'

export interface TransactionsDeps {
  readonly transactions: Pick<ReceiveTransactions, 'receive'>
}

/** Server-server API, "Transactions". */
const MAX_PDUS = 50
const MAX_EDUS = 100
const MAX_TXN_ID_BYTES = 255
/** As many events as there may be, at their largest, and EDUs of 64 KiB. */
const BODY_BYTES = 12 * 1024 * 1024

/** `transactions.yaml`. The answer comes when the transaction is stored, before its events are checked: `error` tells only what was clear by then. */
export const transactionEndpoints = ({ transactions }: TransactionsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'PUT',
    paths: ['/_matrix/federation/v1/send/:txnId'],
    auth: server(),
    rateLimit: 'unlimited',
    costly: true,
    params: Type.Object({ txnId: Type.String() }),
    body: Type.Object({
      pdus: Type.Array(Type.Unknown()),
      edus: Type.Optional(Type.Array(Type.Unknown())),
    }),
    bodyLimitBytes: BODY_BYTES,
    handler: async ({ requester, params: { txnId }, body: { pdus, edus = [] } }) => {
      if (Buffer.byteLength(txnId) > MAX_TXN_ID_BYTES || txnId.includes('\0'))
        throw new MatrixError('M_INVALID_PARAM', 'The transaction ID is too long')
      if (pdus.length > MAX_PDUS) throw new MatrixError('M_BAD_JSON', `A transaction has at most ${MAX_PDUS} PDUs`)
      if (edus.length > MAX_EDUS) throw new MatrixError('M_BAD_JSON', `A transaction has at most ${MAX_EDUS} EDUs`)
      const content = { pdus: pdus as readonly JsonValue[], edus: edus as readonly JsonValue[] }
      return new RawJson(await transactions.receive(requester.serverName, txnId, content))
    },
  }),
]
