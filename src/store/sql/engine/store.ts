import type { Clock, Logger } from '#base'
import type { Db } from './access.ts'
import type { CommitQueue } from './commit-queue.ts'

export type Durability = 'full' | 'relaxed'

export interface StoreOptions {
  /** `sqlite:PATH` or `postgres://…`. */
  readonly url: string
  readonly clock: Clock
  readonly logger: Logger
  /** `relaxed`: a commit is answered before it is synced, so that a power cut may take the last moments; `full` by default. */
  readonly durability?: Durability
  /** SQLite only: beyond it the database is full, as if the disk were. */
  readonly maxSizeBytes?: number
  /** SQLite only: how long a commit waits for the lock of another process; 5,000 by default. */
  readonly busyTimeoutMs?: number
}

/** What a dialect brings. */
export interface DialectStore {
  readonly queue: CommitQueue
  readonly db: Db
  /** After the queue was closed. */
  close(): Promise<void>
}
