import type { Migration } from '../sql/engine/schema.ts'

/** 1 for a pair that a refresh replaced: void, but its client is told that the device lives on. */
export const keepReplacedTokens: Migration = {
  name: '0097-keep-replaced-tokens',
  statements: ({ integer }) => [`alter table token_pairs add column replaced ${integer} not null default 0`],
}
