import type { Clock, Logger } from '#base'
import type { Db } from './access.ts'
import type { CommitQueue } from './commit-queue.ts'

export type Durability = 'full' | 'relaxed'
/** `one`: nobody else may have the database open as `one` or `several` at the same time. */
export type Processes = 'one' | 'several'

export interface StoreOptions {
  /** `sqlite:PATH` or `postgres://…`. */
  readonly url: string
  readonly clock: Clock
  readonly logger: Logger
  /** `relaxed`: a commit is answered before it is synced, so a power cut can lose the last moments. `full` by default. */
  readonly durability?: Durability
  /** undefined: no lock is taken, and none minded. For tests and tools. */
  readonly processes?: Processes | undefined
  /** SQLite only: beyond this size the database behaves as on a full disk. */
  readonly maxSizeBytes?: number
  /** SQLite only: how long a commit waits for the lock of another process; 5,000 by default. */
  readonly busyTimeoutMs?: number
  /** SQLite only: whether the serving thread makes lone commits itself while the disk is quick; true by default. */
  readonly commitsInPlace?: boolean
}

/** The parts of a store that a dialect makes. */
export interface DialectStore {
  readonly queue: CommitQueue
  readonly db: Db
  /** Bytes that the database takes. */
  sizeBytes(): Promise<number>
  /** Called after the queue was closed. */
  close(): Promise<void>
}
