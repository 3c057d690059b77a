export type { Db, Tx } from './access.ts'
export {
  type Insert,
  type InsertRow,
  insertInto,
  type Lists,
  perDialect,
  type Query,
  queriesOver,
  type RowOf,
} from './query.ts'
export { type Migration, type SchemaWords, table } from './schema.ts'
export type { UserTables } from './transaction.ts'
export { brief, defineWrite, type Packing, packed } from './writes.ts'
