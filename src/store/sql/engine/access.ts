import type { UserId } from '#spec'
import type { Announcement, DurableStream } from '../../ports/engine/change.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import type { Insert, Query } from './query.ts'

/** Reads what is committed. Every call sees the newest commit; two calls may see different ones. */
export interface Db {
  first<Params, Row>(query: Query<Params, Row>, params: Params): Promise<Row | undefined>
  /** For bounded answers: up to about a thousand rows. */
  all<Params, Row>(query: Query<Params, Row>, params: Params): Promise<readonly Row[]>
  /** For long answers and scans: off the event loop, at the price of copying the rows between threads. */
  longAll<Params, Row>(query: Query<Params, Row>, params: Params): Promise<readonly Row[]>
}

/** The inside of a group's transaction: it sees its own writes, and those of the commits before it in the group. */
export interface Tx {
  first<Params, Row>(query: Query<Params, Row>, params: Params): Promise<Row | undefined>
  all<Params, Row>(query: Query<Params, Row>, params: Params): Promise<readonly Row[]>
  /** The number of rows it changed. */
  run<Params, Row>(query: Query<Params, Row>, params: Params): Promise<number>
  /** May be done a little later in the same transaction, but before any statement that names the table. */
  insertMany<Row>(insert: Insert<Row>, rows: readonly Row[]): Promise<void>
  /**
   * The first of `count` consecutive positions of a stream that the write has declared; they are visible to nobody before the commit, and never
   * lost. `in-rows`: rows of the stream's own table hold all of them, so the store need not keep them elsewhere.
   */
  next(stream: DurableStream, count: number, kept?: 'in-rows'): number
  /** Whether a fact was learned by this transaction, or by a committed one before: spares a look into the database for what never changes. */
  knows(fact: string): boolean
  /** Keeps a fact in the writer's memory once this transaction is committed. Only for what stays true as long as anybody may ask. */
  learn(fact: string): void
  /** Told to listeners after the commit. */
  announce(announcement: Announcement): void
  /** The internal number of a user, given on first sight. */
  userNumber(userId: UserId): Promise<UserNumber>
}
