import type { Migration } from '../sql/engine/schema.ts'

/** The content that clients of 2015 may send with a receipt; null for clients of today, which send none. */
export const addReceiptContents: Migration = {
  name: '0060-add-receipt-contents',
  statements: ({ text }) => [`alter table receipts add column content_json ${text}`],
}
