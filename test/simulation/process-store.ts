import { type Clock, silentLogger, systemClock } from '#base'
import { type Store, StoreUnavailable } from '#store'
import { SqliteFile } from '../../src/store/dialects/sqlite/file.ts'
import { migrate } from '../../src/store/dialects/sqlite/migrate.ts'
import { SqliteReads } from '../../src/store/dialects/sqlite/reads.ts'
import { SqliteWriteConnection } from '../../src/store/dialects/sqlite/write-connection.ts'
import { MIGRATIONS } from '../../src/store/migrations/index.ts'
import { positionsIn } from '../../src/store/open.ts'
import type { Db } from '../../src/store/sql/engine/access.ts'
import { CommitQueue, type GroupAnswer, type Submitted } from '../../src/store/sql/engine/commit-queue.ts'
import { GroupRunner } from '../../src/store/sql/engine/group.ts'
import { GroupLoop } from '../../src/store/sql/engine/group-loop.ts'
import { allWrites, type Readers, readersOver } from '../../src/store/sql/ports.ts'
import type { Dice } from '../crash/dice.ts'
import { FaultyConnection } from './faulty-connection.ts'

const fileOf = (path: string, readOnly: boolean): SqliteFile => new SqliteFile({ path, readOnly, busyTimeoutMs: 0 })

/** Makes the database file with its schema. */
export const makeDatabase = (path: string): void => {
  const file = fileOf(path, false)
  migrate(file, MIGRATIONS)
  file.close()
}

const readsOf = (path: string): SqliteReads => {
  const options = { path, readOnly: true, busyTimeoutMs: 0 }
  return new SqliteReads(options, { reading: options, checkpointing: { ...options, readOnly: false } }, systemClock)
}

/** Reads that nothing holds up, for the checks. */
export const openObserver = (path: string): { readonly readers: Readers; close(): Promise<void> } => {
  const reads = readsOf(path)
  return { readers: readersOver(inThisThread(reads)), close: () => reads.close() }
}

/** The thread for long reads would make a run depend on the machine's scheduler. */
const inThisThread = (reads: SqliteReads): Db => ({
  first: (query, params) => reads.first(query, params),
  all: (query, params) => reads.all(query, params),
  longAll: (query, params) => reads.all(query, params),
})

export interface ProcessStoreParts {
  readonly path: string
  readonly clock: Clock
  readonly dice: Dice
  /** Whether inserts of a group are written together at its end, as on PostgreSQL. */
  readonly gathersInserts: boolean
  /** A group was done, or refused: the scheduler says when the process hears of it. */
  readonly onAnswer: (answer: GroupAnswer) => void
}

/**
 * One process's store over the shared file: the real queue, groups, writes and reads, with the scheduler between them. It says
 * when commits reach the database, with which fault, when their answers come back, and when a slow read answers.
 */
export class ProcessStore {
  readonly connection: FaultyConnection
  readonly #reads: SqliteReads
  readonly #queue: CommitQueue
  readonly #loop: GroupLoop
  readonly #submitted: Submitted[] = []
  readonly #arrived: Submitted[] = []
  readonly #held: (() => void)[] = []
  readonly #parts: ProcessStoreParts
  #closed = false
  /** How many of a thousand reads wait for the scheduler. */
  heldReads = 0
  readonly store: Store

  constructor(parts: ProcessStoreParts) {
    this.#parts = parts
    const connection = new SqliteWriteConnection(() => fileOf(parts.path, false))
    this.connection = new FaultyConnection(connection, parts.gathersInserts)
    this.#reads = readsOf(parts.path)
    this.#queue = new CommitQueue(parts.clock, silentLogger, (submitted) => {
      if (this.#closed) throw new StoreUnavailable('closed', 'the process is gone')
      this.#submitted.push(structuredClone(submitted))
    })
    const runner = new GroupRunner(this.connection, allWrites())
    this.#loop = new GroupLoop(
      runner,
      (answer) => parts.onAnswer(answer),
      () => this.#arrived.shift(),
    )
    const slowReads = this.#slowReads()
    this.store = {
      ...readersOver(slowReads),
      commit: this.#queue.commit,
      onCommitted: (listener) => this.#queue.onCommitted(listener),
      positions: () => positionsIn(slowReads),
      stats: () => this.#queue.stats(),
      sizeBytes: async () => 0,
      close: () => this.close(),
    }
  }

  /** Commits handed over by the process that have not reached the database. */
  get submitted(): number {
    return this.#submitted.length
  }

  get slowReads(): number {
    return this.#held.length
  }

  /** The next `count` commits reach the database as one group; `from`: which of them goes first. */
  async letThrough(count: number, from = 0): Promise<void> {
    const group = this.#submitted.splice(from, count)
    const first = group.shift()
    if (first === undefined) return
    this.#arrived.push(...group)
    await this.#loop.submit(first)
  }

  /** The answer of a group reaches the process: it hears the news, then whoever waits is answered. */
  hear(answer: GroupAnswer): void {
    if (!this.#closed) this.#queue.settle(answer)
  }

  releaseRead(index: number): void {
    this.#held.splice(index, 1)[0]?.()
  }

  /** The process is killed: nothing that it waits for comes any more. */
  async close(): Promise<void> {
    this.#closed = true
    this.#submitted.length = 0
    this.#held.length = 0
    this.connection.close()
    await this.#reads.close()
  }

  #slowReads(): Db {
    const reads = inThisThread(this.#reads)
    return {
      first: (query, params) => this.#slowly(() => reads.first(query, params)),
      all: (query, params) => this.#slowly(() => reads.all(query, params)),
      longAll: (query, params) => this.#slowly(() => reads.longAll(query, params)),
    }
  }

  /** A slow read sees the database as it is when it starts, or as it is when it answers. */
  async #slowly<Answer>(read: () => Promise<Answer>): Promise<Answer> {
    const { dice } = this.#parts
    if (this.heldReads === 0 || dice.between(1, 1_000) > this.heldReads) return read()
    const early = dice.chance(0.5) ? { answer: await read() } : undefined
    await new Promise<void>((resolve) => this.#held.push(resolve))
    return early === undefined ? read() : early.answer
  }
}
