import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Logger } from '#base'
import { holdLock, LockHeld } from '../../folder-lock.ts'
import { makeFolder } from '../../make-folder.ts'
import { DatabaseInUse, StoreUnavailable } from '../../ports/engine/faults.ts'
import { CommitQueue } from '../../sql/engine/commit-queue.ts'
import type { DialectStore, StoreOptions } from '../../sql/engine/store.ts'
import type { FileOptions } from './file.ts'
import { SqliteReads } from './reads.ts'
import { SqliteWriter } from './writer.ts'

const WRITER_WAITS_MS = 5_000
/** Short, as the serving thread must not wait for another process's lock; in WAL mode readers hardly ever meet one. */
const READER_WAITS_MS = 20
/** Each of these threads reads what is seldom asked for twice, and the system keeps the file's pages too. */
const LONG_READER_CACHE_KIB = 4_096
const LONG_READER_WAITS_MS = 5_000

export const openSqlite = async (path: string, options: StoreOptions): Promise<DialectStore> => {
  const { clock, logger, maxSizeBytes, durability, busyTimeoutMs = WRITER_WAITS_MS } = options
  try {
    await makeFolder(dirname(path))
  } catch (error) {
    throw new StoreUnavailable('broken', error instanceof Error ? error.message : String(error))
  }
  const unlock = options.processes === undefined ? () => {} : lockFile(path)
  const writing: FileOptions = { path, readOnly: false, busyTimeoutMs, maxSizeBytes, durability }
  const reading: FileOptions = { path, readOnly: true, busyTimeoutMs: READER_WAITS_MS }
  const threads = {
    reading: { ...reading, busyTimeoutMs: LONG_READER_WAITS_MS, cacheKib: LONG_READER_CACHE_KIB },
    checkpointing: { ...writing, cacheKib: LONG_READER_CACHE_KIB },
  }
  const reads = new SqliteReads(reading, threads, clock)
  const checkpointing = new Checkpoints(() => reads.checkpoint(), logger)
  const writer = new SqliteWriter(writing, {
    clock,
    logger,
    inPlace: options.commitsInPlace ?? true,
    onCommits: (count) => checkpointing.count(count),
    isCheckpointing: () => reads.isCheckpointing,
  })
  const queue = new CommitQueue(clock, logger, (submitted) => writer.send(submitted))
  try {
    await writer.start(queue)
  } catch (error) {
    unlock()
    throw error
  }
  return {
    queue,
    db: reads,
    sizeBytes: async () => (await fileBytes(path)) + (await fileBytes(`${path}-wal`)),
    close: async () => {
      // The writer closes last: the last connection to close makes a checkpoint.
      await reads.close()
      await writer.close()
      unlock()
    },
  }
}

/** The size of a file; 0 where there is none. */
const fileBytes = async (path: string): Promise<number> => {
  try {
    return (await stat(path)).size
  } catch {
    return 0
  }
}

/** Several processes cannot share a file: each would take its caches for complete. Throws `DatabaseInUse`. */
const lockFile = (path: string): (() => void) => {
  try {
    return holdLock(`${path}-lock`)
  } catch (cause) {
    if (cause instanceof LockHeld) throw new DatabaseInUse(`${path} is in use`, { cause })
    throw new StoreUnavailable('broken', cause instanceof Error ? cause.message : String(cause))
  }
}

/** Commits between two checkpoints. */
const COMMITS_A_CHECKPOINT = 2_000

/** Asks for a checkpoint after every `COMMITS_A_CHECKPOINT` commits. If checkpoints cannot keep up, the writer makes one itself. */
class Checkpoints {
  readonly #checkpoint: () => Promise<void>
  readonly #logger: Logger
  #commits = 0

  constructor(checkpoint: () => Promise<void>, logger: Logger) {
    this.#checkpoint = checkpoint
    this.#logger = logger
  }

  count(commits: number): void {
    this.#commits += commits
    if (this.#commits < COMMITS_A_CHECKPOINT) return
    this.#commits = 0
    this.#checkpoint().catch((err: unknown) => {
      if (err instanceof StoreUnavailable && (err.reason === 'closed' || err.reason === 'busy')) return
      this.#logger.warn({ err }, 'the log of the database could not be folded into its file; tried again later')
    })
  }
}
