import type { Clock } from '#base'
import type { DurableStream } from '../../ports/engine/change.ts'
import type { GroupAnswer, Submitted } from '../../sql/engine/commit-queue.ts'
import type { Positions } from '../../sql/engine/connection.ts'
import { GroupRunner } from '../../sql/engine/group.ts'
import type { WriteTable } from '../../sql/engine/writes.ts'
import { DiskWatch } from './disk-watch.ts'
import { type FileOptions, SqliteFile } from './file.ts'
import { SqliteWriteConnection } from './write-connection.ts'

/** The writing thread makes the late checkpoints of the log, so it gets a group after so many commits here. */
const COMMITS_IN_A_ROW = 1_000
/** A lock of another process is not waited for here. */
const BUSY_TIMEOUT_MS = 0
const CACHE_KIB = 8_192

export interface InPlaceParts {
  readonly clock: Clock
  readonly file: FileOptions
  readonly writes: WriteTable
  /** Whether a checkpoint is being made: it syncs the database's file, and each sync of the log waits for that. */
  readonly isCheckpointing: () => boolean
}

/**
 * Commits lone brief changes in the serving thread, on a connection of its own, where the disk is quick: they cost neither waking the writing thread nor being
 * woken by it. The caller sees to it that the writing thread has nothing to do meanwhile; SQLite's own lock would keep both apart in any case.
 */
export class InPlace {
  readonly #parts: InPlaceParts
  readonly #watch: DiskWatch
  readonly #connection: WatchedConnection
  readonly #runner: GroupRunner
  #inARow = 0
  #inDoubt = false

  constructor(parts: InPlaceParts) {
    const { clock, file, writes } = parts
    this.#parts = parts
    this.#watch = new DiskWatch(clock)
    const options: FileOptions = { ...file, busyTimeoutMs: BUSY_TIMEOUT_MS, cacheKib: CACHE_KIB, checkpoints: false }
    this.#connection = new WatchedConnection(() => new SqliteFile(options), clock)
    this.#runner = new GroupRunner(this.#connection, writes)
  }

  /** Whether a commit here got no answer. Only the next one here finds out what became of it. */
  get inDoubt(): boolean {
    return this.#inDoubt
  }

  /** Whether this commit may be made here, if it is the only one. */
  takes({ changes }: Submitted): boolean {
    const { writes, isCheckpointing } = this.#parts
    if (!this.#inDoubt && (this.#inARow >= COMMITS_IN_A_ROW || !this.#watch.quick || isCheckpointing())) return false
    try {
      return changes.every(({ operation, input }) => writes.get(operation)?.isBrief?.(input) === true)
    } catch {
      // An input that cannot be read fails alone, in the thread.
      return false
    }
  }

  /** Notes that the writing thread gets a group. */
  passed(): void {
    this.#inARow = 0
  }

  /** Makes the commit; everything happens before the event loop goes on. undefined: it could not be begun, and the thread is to have it. */
  async run({ id, changes }: Submitted): Promise<GroupAnswer | undefined> {
    const connection = this.#connection
    connection.begun = false
    connection.syncMs = 0
    const result = await this.#runner.run([changes])
    this.#inARow++
    this.#inDoubt = result.inDoubt
    if (connection.begun) this.#watch.took(connection.syncMs)
    else this.#watch.locked()
    return connection.begun || result.inDoubt ? { ids: [id], ...result } : undefined
  }

  close(): void {
    this.#connection.close()
  }
}

/** A writing connection that says whether its transaction began, and how long the sync of the commit took. */
class WatchedConnection extends SqliteWriteConnection {
  begun = false
  syncMs = 0
  readonly #clock: Clock

  constructor(open: () => SqliteFile, clock: Clock) {
    super(open)
    this.#clock = clock
  }

  override async begin(): Promise<Positions> {
    const positions = await super.begin()
    this.begun = true
    return positions
  }

  override async commit(advanced: Positions, inRows: ReadonlySet<DurableStream>): Promise<void> {
    const startedMs = this.#clock.monotonicMs()
    try {
      await super.commit(advanced, inRows)
    } finally {
      this.syncMs = this.#clock.monotonicMs() - startedMs
    }
  }
}
