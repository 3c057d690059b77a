import type { UserId } from '#spec'
import type { Announcement, DurableStream } from '../../ports/engine/change.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import type { Insert, Query } from './query.ts'

/** Reads committed data. Every call sees the newest commit; two calls may see different ones. */
export interface Db {
  first<Params, Row>(query: Query<Params, Row>, params: Params): Promise<Row | undefined>
  /** For bounded answers: up to about a thousand rows. */
  all<Params, Row>(query: Query<Params, Row>, params: Params): Promise<readonly Row[]>
  /** For long answers and scans: runs off the event loop, and the rows are copied between threads. */
  longAll<Params, Row>(query: Query<Params, Row>, params: Params): Promise<readonly Row[]>
}

/** A group's transaction: it sees its own writes, and those of earlier commits of the group. */
export interface Tx {
  first<Params, Row>(query: Query<Params, Row>, params: Params): Promise<Row | undefined>
  all<Params, Row>(query: Query<Params, Row>, params: Params): Promise<readonly Row[]>
  /** Returns the number of rows changed. */
  run<Params, Row>(query: Query<Params, Row>, params: Params): Promise<number>
  /** Inserts rows, possibly later in the same transaction, but before any statement that names the table. */
  insertMany<Row>(insert: Insert<Row>, rows: readonly Row[]): Promise<void>
  /**
   * Returns the first of `count` consecutive new positions of a stream that the write has declared. Nobody sees them before the commit.
   * `in-rows`: rows of the stream's own table hold all of these positions, so they need not be stored elsewhere.
   */
  next(stream: DurableStream, count: number, kept?: 'in-rows'): number
  /** Whether this transaction, or a committed one before it, learned a fact: spares a query for what never changes. */
  knows(fact: string): boolean
  /** Keeps a fact in the writer's memory once this transaction is committed. Only for facts that stay true as long as anybody may ask. */
  learn(fact: string): void
  /** Returns what `keep` was given under this key by the writes of one operation right before this one; undefined if nothing, or if a write of another operation came between. */
  kept(key: number): unknown
  /** Keeps what this write knows to be stored now for the next write, which is spared the query if it is of the same operation and of the same transaction. */
  keep(key: number, value: unknown): void
  /** Tells listeners after the commit. */
  announce(announcement: Announcement): void
  /** The internal number of a user; a user without one gets it now. */
  userNumber(userId: UserId): Promise<UserNumber>
}
