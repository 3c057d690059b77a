import { TRANSACTION_LIFETIME_MS } from '#domain'
import type { TransactionAnswers, TransactionKey } from '#http'
import type { JsonObject } from '#spec'
import type { ShortLivedTables } from '#store'

/** Longer than the transaction of the room itself is remembered: otherwise an answer that came from there would be remembered once more. */
const LIFETIME_MS = TRANSACTION_LIFETIME_MS + 15 * 60_000
const OF_DEVICE = 200
const IN_ALL = 100_000
/** Time after which the process that handled a transaction is taken for dead, and the transaction is tried again. */
const UNDER_WAY_MS = 60_000

const idOf = ({ device, path }: TransactionKey): string => `${device} ${path}`
const ownerOf = ({ device }: TransactionKey): string => String(device)

/** Keeps transactions of 2015 in the database. */
export const oldTransactions = (shortLived: ShortLivedTables): TransactionAnswers => {
  const limits = { lifetimeMs: LIFETIME_MS, rowsOfOwner: OF_DEVICE, rows: IN_ALL }
  const table = shortLived.table<{ readonly answer?: JsonObject }>('old-transaction', limits)
  return {
    begin: async (key) => {
      const options = { id: idOf(key), owner: ownerOf(key), lifetimeMs: UNDER_WAY_MS }
      const known = await table.find(idOf(key))
      if (known?.answer !== undefined) return { kind: 'answered', answer: known.answer }
      return { kind: known === undefined && (await table.add({}, options)) ? 'begun' : 'underWay' }
    },
    finish: async (key, answer) => {
      await table.put({ answer }, { id: idOf(key), owner: ownerOf(key) })
    },
    abandon: async (key) => {
      await table.take(idOf(key))
    },
  }
}
