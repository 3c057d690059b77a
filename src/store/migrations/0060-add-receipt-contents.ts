import type { Migration } from '../sql/engine/schema.ts'

/** What clients of 2015 say with a receipt; null for those of today, who have nothing to say there. */
export const addReceiptContents: Migration = {
  name: '0060-add-receipt-contents',
  statements: ({ text }) => [`alter table receipts add column content_json ${text}`],
}
