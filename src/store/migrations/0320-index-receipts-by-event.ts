import type { Migration } from '../sql/engine/schema.ts'

/** Finds the readers of the few events that a client is shown: without it, all receipts of the room would be looked through. */
export const indexReceiptsByEvent: Migration = {
  name: '0320-index-receipts-by-event',
  statements: () => ['create index receipts_event on receipts (event_position)'],
}
