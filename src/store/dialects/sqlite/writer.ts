import { Worker } from 'node:worker_threads'
import type { Clock, Logger } from '#base'
import { SchemaTooNew, StoreUnavailable } from '../../ports/engine/faults.ts'
import type { CommitQueue, Submitted } from '../../sql/engine/commit-queue.ts'
import type { FileOptions } from './file.ts'
import type { FromWriter, ToWriter } from './thread-messages.ts'

const FIRST_RESTART_MS = 100
const LONGEST_RESTART_MS = 10_000

/** The serving thread's handle on the writing thread; starts another one, ever more slowly, where it failed. */
export class SqliteWriter {
  readonly #options: FileOptions
  readonly #clock: Clock
  readonly #logger: Logger
  #queue: CommitQueue | undefined
  #thread: Worker | undefined
  #restartMs = FIRST_RESTART_MS
  #cancelRestart: (() => void) | undefined
  #closing = false

  constructor(options: FileOptions, clock: Clock, logger: Logger) {
    this.#options = options
    this.#clock = clock
    this.#logger = logger
  }

  /** Answers when the schema is up to date and commits can come. Throws `SchemaTooNew` and `StoreUnavailable`. */
  start(queue: CommitQueue): Promise<void> {
    this.#queue = queue
    return this.#startThread()
  }

  send(submitted: Submitted): void {
    if (this.#thread === undefined) throw new StoreUnavailable('broken', 'the writing thread is being started again')
    this.#post(this.#thread, { kind: 'commit', submitted })
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#cancelRestart?.()
    const thread = this.#thread
    if (thread === undefined) return
    const ended = new Promise((resolve) => thread.once('exit', resolve))
    this.#post(thread, { kind: 'close' })
    await ended
  }

  #post(thread: Worker, message: ToWriter): void {
    thread.postMessage(message)
  }

  #startThread(): Promise<void> {
    return new Promise((resolve, reject) => {
      const thread = new Worker(new URL('./writer-thread.ts', import.meta.url), { workerData: this.#options })
      let failure: unknown
      thread.on('message', (message: FromWriter) => {
        switch (message.kind) {
          case 'answer':
            this.#queue?.settle(message.answer)
            return
          case 'ready':
            this.#thread = thread
            this.#restartMs = FIRST_RESTART_MS
            resolve()
            return
          case 'too-new':
            failure = new SchemaTooNew(message.unknown)
            return
          case 'unavailable':
            failure = new StoreUnavailable(message.reason, message.detail)
        }
      })
      thread.on('error', (error) => {
        failure = error
      })
      thread.on('exit', () => {
        // Only where it never became ready; later the promise is long resolved.
        reject(failure ?? new StoreUnavailable('broken', 'the writing thread ended'))
        if (this.#thread === thread) this.#lost(failure)
      })
    })
  }

  #lost(failure: unknown): void {
    this.#thread = undefined
    if (this.#closing) return
    this.#logger.error({ err: failure }, 'the writing thread ended; starting another')
    this.#queue?.failAll('broken', 'the writing thread ended')
    this.#restart()
  }

  #restart(): void {
    this.#cancelRestart = this.#clock.after(this.#restartMs, () => {
      this.#restartMs = Math.min(this.#restartMs * 2, LONGEST_RESTART_MS)
      this.#startThread().catch((error: unknown) => {
        this.#logger.error({ err: error }, 'the writing thread did not start')
        if (!this.#closing) this.#restart()
      })
    })
  }
}
