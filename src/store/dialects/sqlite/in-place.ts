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
  /** Commits of one group here. */
  readonly maxGroup: number
}

/**
 * Commits brief groups in the serving thread, on a connection of its own, where the disk is quick: a lone commit then costs neither waking the writing
 * thread nor being woken by it. The caller sees to it that the writing thread has nothing to do meanwhile; SQLite's own lock would keep both apart in any case.
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

  /** Whether the next group may be committed here, if it is brief. */
  get ready(): boolean {
    // Only the connection that has a doubt can resolve it.
    return this.#inDoubt || (this.#inARow < COMMITS_IN_A_ROW && this.#watch.quick)
  }

  /** Whether this group may be committed here: it is small, and each of its writes says that it is brief. */
  takes(group: readonly Submitted[]): boolean {
    return group.length <= this.#parts.maxGroup && this.ready && group.every((submitted) => this.#isBrief(submitted))
  }

  /** Notes that the writing thread gets a group. */
  passed(): void {
    this.#inARow = 0
  }

  /** Runs the group; everything happens before the event loop goes on. undefined: nothing could be begun, and the thread is to have the group. */
  async run(group: readonly Submitted[]): Promise<GroupAnswer | undefined> {
    const connection = this.#connection
    connection.begun = false
    connection.syncMs = 0
    const result = await this.#runner.run(group.map(({ changes }) => changes))
    this.#inARow += group.length
    this.#inDoubt = result.inDoubt
    if (connection.begun) {
      this.#watch.took(connection.syncMs)
      return { ids: group.map(({ id }) => id), ...result }
    }
    this.#watch.pause()
    return result.inDoubt ? { ids: group.map(({ id }) => id), ...result } : undefined
  }

  close(): void {
    this.#connection.close()
  }

  #isBrief({ changes }: Submitted): boolean {
    const { writes } = this.#parts
    return changes.every(({ operation, input }) => writes.get(operation)?.isBrief?.(input) === true)
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
