import type { Clock, Logger } from '#base'
import type { Db } from './access.ts'
import type { CommitQueue } from './commit-queue.ts'

export interface StoreOptions {
  /** `sqlite:PATH` or `postgres://…`. */
  readonly url: string
  readonly clock: Clock
  readonly logger: Logger
  /** SQLite only: beyond it the database is full, as if the disk were. */
  readonly maxSizeBytes?: number
}

/** What a dialect brings. */
export interface DialectStore {
  readonly queue: CommitQueue
  readonly db: Db
  /** After the queue was closed. */
  close(): Promise<void>
}
