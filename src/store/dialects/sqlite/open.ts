import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { StoreUnavailable } from '../../ports/engine/faults.ts'
import { CommitQueue } from '../../sql/engine/commit-queue.ts'
import type { DialectStore, StoreOptions } from '../../sql/engine/store.ts'
import { SqliteReads } from './reads.ts'
import { SqliteWriter } from './writer.ts'

const WRITER_WAITS_MS = 5_000
/** The serving thread must not stand still for another process's lock, which in WAL mode readers hardly ever meet. */
const READER_WAITS_MS = 20
const LONG_READER_WAITS_MS = 5_000

export const openSqlite = async (path: string, options: StoreOptions): Promise<DialectStore> => {
  const { clock, logger, maxSizeBytes, busyTimeoutMs = WRITER_WAITS_MS } = options
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new StoreUnavailable('broken', error instanceof Error ? error.message : String(error))
  }
  const writer = new SqliteWriter({ path, readOnly: false, busyTimeoutMs, maxSizeBytes }, clock, logger)
  const queue = new CommitQueue(clock, logger, (submitted) => writer.send(submitted))
  await writer.start(queue)
  const reads = new SqliteReads(
    { path, readOnly: true, busyTimeoutMs: READER_WAITS_MS },
    { path, readOnly: true, busyTimeoutMs: LONG_READER_WAITS_MS },
  )
  return {
    queue,
    db: reads,
    close: async () => {
      // The writer last: the last connection to go folds the log into the file.
      await reads.close()
      await writer.close()
    },
  }
}
