import type { DurableStream } from '../../ports/engine/change.ts'
import type { DialectName, Insert, Statement, Value } from './query.ts'

/** How far the streams of one transaction reach. */
export type Positions = Readonly<Partial<Record<DurableStream, number>>>

/** What a group of commits keeps other processes from. */
export interface GroupLocks {
  /** Streams of which nobody else takes positions meanwhile. */
  readonly streams: readonly DurableStream[]
  /** The one lock of all writes that look before they write and have no stream to stand in for it. */
  readonly shared: boolean
}

export interface Answer {
  readonly rows: readonly unknown[]
  /** Rows changed, or rows answered by a statement that returns some. */
  readonly changes: number
}

/**
 * The one connection that writes, as a dialect offers it. Every method throws `StoreUnavailable` where the database itself
 * is at fault, and `WriteConflict` where an insert with `ifExists` met an existing row.
 */
export interface WriteConnection {
  readonly dialect: DialectName
  /** Whether gathering the inserts of a group saves time: true where each statement is a round trip. */
  readonly gathersInserts: boolean
  /** Starts the group's transaction; from here to its end no other process has the same locks. Answers where the locked streams stand. */
  begin(locks: GroupLocks): Promise<Positions>
  execute(statement: Statement, values: Value[]): Promise<Answer>
  insert<Row>(insert: Insert<Row>, rows: readonly Row[]): Promise<void>
  /** Makes all durable, with the positions that moved; those of `inRows` are found in the rows of the stream too. */
  commit(advanced: Positions, inRows: ReadonlySet<DurableStream>): Promise<void>
  rollback(): Promise<void>
  savepoint(): Promise<void>
  releaseSavepoint(): Promise<void>
  rollbackToSavepoint(): Promise<void>
  /** Ends a transaction that went wrong, in whatever state it is. Never throws. */
  abandon(): Promise<void>
}
