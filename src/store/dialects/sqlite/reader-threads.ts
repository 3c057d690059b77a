import { type Clock, TooMuchWork } from '#base'
import { StoreUnavailable } from '../../ports/engine/faults.ts'
import { SqliteReader } from './reader.ts'
import type { ReaderData } from './thread-messages.ts'

const MAX_THREADS = 3
/** Work waits this long for a thread that is busy before another one starts: most long reads turn out short, and a thread costs some 10 MB. */
const GROW_AFTER_MS = 20
/** Threads without work end after this, and give their memory back. */
const IDLE_MS = 5_000
/** Work that waits; each caller has little at once, so this much is a fault, and refused. */
const MAX_WAITING = 10_000

interface Waiting {
  readonly resolve: (thread: SqliteReader) => void
  readonly reject: (error: Error) => void
}

/** The threads for long reads and checkpoints, with one queue for all: work waits for the first thread that is free, and not behind long work. */
export class ReaderThreads {
  readonly #data: ReaderData
  readonly #clock: Clock
  readonly #threads = new Set<SqliteReader>()
  readonly #free: SqliteReader[] = []
  readonly #waiting: Waiting[] = []
  #cancelGrow: (() => void) | undefined
  #cancelEnd: (() => void) | undefined
  #closed = false

  constructor(data: ReaderData, clock: Clock) {
    this.#data = data
    this.#clock = clock
  }

  /** Does work on a thread of its own. Throws `TooMuchWork`, `StoreUnavailable`. */
  async run<Result>(work: (thread: SqliteReader) => Promise<Result>): Promise<Result> {
    const thread = await this.#take()
    try {
      return await work(thread)
    } finally {
      this.#giveBack(thread)
    }
  }

  /** Ends all threads; what they were doing fails. */
  async close(): Promise<void> {
    this.#closed = true
    this.#cancelGrow?.()
    this.#cancelEnd?.()
    for (const { reject } of this.#waiting.splice(0)) reject(new StoreUnavailable('closed', 'the store is closed'))
    await Promise.all([...this.#threads].map((thread) => thread.close()))
  }

  async #take(): Promise<SqliteReader> {
    if (this.#closed) throw new StoreUnavailable('closed', 'the store is closed')
    for (let thread = this.#free.pop(); thread !== undefined; thread = this.#free.pop()) {
      if (!thread.gone) return thread
      this.#threads.delete(thread)
    }
    if (this.#threads.size === 0) return this.#start()
    if (this.#waiting.length >= MAX_WAITING) throw new TooMuchWork('too many long reads wait')
    const taken = new Promise<SqliteReader>((resolve, reject) => this.#waiting.push({ resolve, reject }))
    this.#growLater()
    return await taken
  }

  #start(): SqliteReader {
    const thread = new SqliteReader(this.#data)
    this.#threads.add(thread)
    return thread
  }

  #growLater(): void {
    if (this.#cancelGrow !== undefined || this.#threads.size >= MAX_THREADS) return
    this.#cancelGrow = this.#clock.after(GROW_AFTER_MS, () => {
      this.#cancelGrow = undefined
      const next = this.#waiting.shift()
      if (next === undefined) return
      next.resolve(this.#start())
      if (this.#waiting.length > 0) this.#growLater()
    })
  }

  #giveBack(thread: SqliteReader): void {
    if (thread.gone) this.#threads.delete(thread)
    if (this.#closed) return
    const next = this.#waiting.shift()
    if (next !== undefined) next.resolve(thread.gone ? this.#start() : thread)
    else if (!thread.gone) {
      this.#free.push(thread)
      this.#endLater()
    }
  }

  /** Counts anew with each thread that becomes free, so a thread in use now and then stays. */
  #endLater(): void {
    this.#cancelEnd?.()
    this.#cancelEnd = this.#clock.after(IDLE_MS, () => {
      for (const thread of this.#free.splice(0)) {
        this.#threads.delete(thread)
        void thread.close()
      }
    })
  }
}
