import { Worker } from 'node:worker_threads'
import { StoreUnavailable } from '../../ports/engine/faults.ts'
import type { Value } from '../../sql/engine/query.ts'
import type { FromReader, ReaderData, ToReader } from './thread-messages.ts'

interface Asked {
  readonly resolve: (rows: readonly unknown[]) => void
  readonly reject: (error: Error) => void
}

/** The serving thread's handle on one thread for long reads and checkpoints. */
export class SqliteReader {
  readonly #thread: Worker
  readonly #asked = new Map<number, Asked>()
  #lastId = 0
  #gone = false

  constructor(data: ReaderData) {
    const thread = new Worker(new URL('./reader-thread.ts', import.meta.url), { workerData: data, name: 'long reads' })
    thread.on('message', (answer: FromReader) => this.#settle(answer))
    thread.on('error', (error) => this.#end(`the reading thread failed: ${String(error)}`))
    thread.on('exit', () => this.#end('the reading thread ended'))
    thread.unref()
    this.#thread = thread
  }

  /** Whether the thread has ended. */
  get gone(): boolean {
    return this.#gone
  }

  rows(sql: string, values: Value[]): Promise<readonly unknown[]> {
    return this.#ask({ id: ++this.#lastId, kind: 'rows', sql, values })
  }

  /** Makes a passive checkpoint: copies the log into the file as far as no reader or writer has to wait. */
  async checkpoint(): Promise<void> {
    await this.#ask({ id: ++this.#lastId, kind: 'checkpoint' })
  }

  async close(): Promise<void> {
    await this.#thread.terminate()
    this.#failAll(new StoreUnavailable('closed', 'the store is closed'))
  }

  #ask(ask: ToReader): Promise<readonly unknown[]> {
    return new Promise((resolve, reject) => {
      this.#thread.postMessage(ask)
      this.#asked.set(ask.id, { resolve, reject })
    })
  }

  #end(detail: string): void {
    this.#gone = true
    this.#failAll(new StoreUnavailable('broken', detail))
  }

  #settle(answer: FromReader): void {
    const asked = this.#asked.get(answer.id)
    this.#asked.delete(answer.id)
    if (answer.kind === 'rows') asked?.resolve(answer.rows)
    else if (answer.kind === 'failed') asked?.reject(new Error(answer.message))
    else asked?.reject(new StoreUnavailable(answer.reason, answer.detail))
  }

  #failAll(error: Error): void {
    for (const { reject } of this.#asked.values()) reject(error)
    this.#asked.clear()
  }
}
