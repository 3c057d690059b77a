import type { JsonObject } from '#spec'
import type { Receipt } from '#store'

/** A receipt, its type named as the reader knows it. */
export type ReceiptLine = Omit<Receipt, 'type'> & { readonly type: string; readonly said?: JsonObject }

/** An `m.receipt` event. */
export const receiptsText = (receipts: readonly ReceiptLine[]): string =>
  `{"type":"m.receipt","content":${receiptsContent(receipts)}}`

/**
 * The content of an `m.receipt` event: by event, type and user. There is no place for two receipts of one user on one event: that without a thread stays, as it counts for
 * all threads.
 */
export const receiptsContent = (receipts: readonly ReceiptLine[]): string => {
  const content: Record<string, Record<string, Record<string, JsonObject>>> = {}
  for (const { eventId, type, userId, atMs, threadId, said } of receipts) {
    content[eventId] ??= {}
    const types = content[eventId]
    types[type] ??= {}
    const held = types[type][userId]
    if (held !== undefined && !Object.hasOwn(held, 'thread_id')) continue
    types[type][userId] = { ...said, ts: atMs, ...(threadId === undefined ? {} : { thread_id: threadId }) }
  }
  return JSON.stringify(content)
}
