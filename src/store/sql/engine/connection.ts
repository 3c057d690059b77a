import type { DurableStream } from '../../ports/engine/change.ts'
import type { DialectName, Insert, Statement, Value } from './query.ts'

/** The newest position of the streams of one transaction. */
export type Positions = Readonly<Partial<Record<DurableStream, number>>>

/** The locks that a group of commits holds against other processes. */
export interface GroupLocks {
  /** Streams in which no other group can take positions meanwhile. */
  readonly streams: readonly DurableStream[]
  /** The one lock of all writes that read before they write and declare no stream that could serve as their lock. */
  readonly shared: boolean
}

export interface Answer {
  readonly rows: readonly unknown[]
  /** Rows changed, or rows returned by a statement that returns some. */
  readonly changes: number
}

/**
 * The one connection that writes, implemented by each dialect. Every method throws `StoreUnavailable` for faults of the database,
 * and `WriteConflict` if an insert with `ifExists` meets an existing row.
 */
export interface WriteConnection {
  readonly dialect: DialectName
  /** Whether gathering the inserts of a group saves time: true where each statement is a round trip. */
  readonly gathersInserts: boolean
  /** Starts the group's transaction; until its end no other process has the same locks. Returns the newest positions of the locked streams. */
  begin(locks: GroupLocks): Promise<Positions>
  execute(statement: Statement, values: Value[]): Promise<Answer>
  insert<Row>(insert: Insert<Row>, rows: readonly Row[]): Promise<void>
  /** Makes everything durable, with the positions that moved. For streams of `inRows` the rows hold them too. */
  commit(advanced: Positions, inRows: ReadonlySet<DurableStream>): Promise<void>
  rollback(): Promise<void>
  savepoint(): Promise<void>
  releaseSavepoint(): Promise<void>
  rollbackToSavepoint(): Promise<void>
  /** Ends a failed transaction, whatever its state. Never throws. */
  abandon(): Promise<void>
}

/** All positions: those kept in the table of streams, and for events the newest row, as a send may write no more than that. */
export const positionsFrom = (
  kept: readonly { readonly stream: DurableStream; readonly position: number }[],
  newestEvent: number | null | undefined,
): Readonly<Record<DurableStream, number>> => {
  const positions = Object.fromEntries(kept.map(({ stream, position }) => [stream, position])) as Record<
    DurableStream,
    number
  >
  return { ...positions, events: Math.max(positions.events, newestEvent ?? 0) }
}
