import type { TransactionsWriter } from '../../../ports/rooms/transactions.ts'
import { defineWrite } from '../../engine/index.ts'
import { query } from '../tables.ts'

const lookedAt = query((db) => db.selectFrom('forgotten_transactions').select('up_to'))
const nextEvents = query((db, param: { after: number; limit: number }) =>
  db
    .selectFrom('events')
    .select(['event', 'origin_server_ts', 'txn_device'])
    .where('event', '>', param.after)
    .orderBy('event')
    .limit(param.limit),
)
const forgetAmong = query((db, param: { after: number; upTo: number }) =>
  db
    .updateTable('events')
    .set({ txn_device: null, txn_scope: null, txn_id: null })
    .where('event', '>', param.after)
    .where('event', '<=', param.upTo)
    // Transactions of delayed events have the device 0 and are kept: they tell the event's delay id.
    .where('txn_device', '>', 0),
)
const lookFrom = query((db, param: { upTo: number }) =>
  db.updateTable('forgotten_transactions').set({ up_to: param.upTo }),
)

const forgetNext = defineWrite(
  'transactions.forgetNext',
  async (tx, input: { beforeMs: number; limit: number }): Promise<number> => {
    const after = (await tx.first(lookedAt, {}))?.up_to ?? 0
    const rows = await tx.all(nextEvents, { after, limit: input.limit })
    const end = rows.findIndex((row) => row.txn_device !== null && row.origin_server_ts > input.beforeMs)
    const passed = end === -1 ? rows : rows.slice(0, end)
    const last = passed.at(-1)
    if (last === undefined) return 0
    if (passed.some((row) => row.txn_device !== null)) await tx.run(forgetAmong, { after, upTo: last.event })
    await tx.run(lookFrom, { upTo: last.event })
    return passed.length
  },
)

export const transactionsWrites = [forgetNext]

export const transactionsWriter: TransactionsWriter = {
  forgetNext: (beforeMs, limit) => forgetNext({ beforeMs, limit }),
}
