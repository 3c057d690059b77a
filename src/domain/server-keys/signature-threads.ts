import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Clock } from '#base'
import type { SignatureToCheck } from './signature-check.ts'

interface Batch {
  readonly signatures: readonly SignatureToCheck[]
  readonly resolve: (answers: readonly boolean[]) => void
  readonly reject: (error: Error) => void
}

/** About 20 ms of a thread. */
const BATCH = 256
/** Threads without work end after this, and give their memory back. */
const IDLE_MS = 30_000
/** The serving thread needs a processor of its own. */
const THREADS = Math.max(1, Math.min(4, availableParallelism() - 1))

/** Checks many signatures on threads of their own, so that the serving thread goes on. They start when there is something to check. */
export class SignatureThreads {
  readonly #clock: Clock
  readonly #waiting: Batch[] = []
  readonly #idle: Worker[] = []
  readonly #threads = new Map<Worker, Batch | undefined>()
  #cancelEnd: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** One answer a signature. Throws if a thread fails. */
  async check(signatures: readonly SignatureToCheck[]): Promise<readonly boolean[]> {
    const batches: Promise<readonly boolean[]>[] = []
    for (let from = 0; from < signatures.length; from += BATCH) {
      const part = signatures.slice(from, from + BATCH)
      batches.push(new Promise((resolve, reject) => this.#waiting.push({ signatures: part, resolve, reject })))
    }
    this.#cancelEnd?.()
    this.#next()
    return (await Promise.all(batches)).flat()
  }

  /** Ends all threads; what they were checking fails. */
  async close(): Promise<void> {
    this.#cancelEnd?.()
    await Promise.all([...this.#threads.keys()].map((thread) => thread.terminate()))
  }

  #next(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#idle.pop() ?? (this.#threads.size < THREADS ? this.#start() : undefined)
      const batch = thread === undefined ? undefined : this.#waiting.shift()
      if (thread === undefined || batch === undefined) return
      this.#threads.set(thread, batch)
      thread.postMessage(batch.signatures)
    }
  }

  #start(): Worker {
    const thread = new Worker(new URL('./signature-thread.ts', import.meta.url))
    thread.on('message', (answers: readonly boolean[]) => {
      const batch = this.#threads.get(thread)
      this.#threads.set(thread, undefined)
      this.#idle.push(thread)
      batch?.resolve(answers)
      this.#next()
      if (this.#idle.length === this.#threads.size) this.#endLater()
    })
    thread.on('error', (error) => this.#gone(thread, error))
    thread.on('exit', () => this.#gone(thread, new Error('a thread that checks signatures ended')))
    thread.unref()
    this.#threads.set(thread, undefined)
    return thread
  }

  #gone(thread: Worker, error: unknown): void {
    const batch = this.#threads.get(thread)
    this.#threads.delete(thread)
    const at = this.#idle.indexOf(thread)
    if (at !== -1) this.#idle.splice(at, 1)
    batch?.reject(error instanceof Error ? error : new Error(String(error)))
    this.#next()
  }

  #endLater(): void {
    this.#cancelEnd = this.#clock.after(IDLE_MS, () => {
      for (const thread of this.#idle.splice(0)) {
        this.#threads.delete(thread)
        void thread.terminate()
      }
    })
  }
}
