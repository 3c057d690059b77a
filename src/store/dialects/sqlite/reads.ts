import { Worker } from 'node:worker_threads'
import { StoreUnavailable } from '../../ports/engine/faults.ts'
import type { Db } from '../../sql/engine/access.ts'
import type { Query } from '../../sql/engine/query.ts'
import { type FileOptions, SqliteFile } from './file.ts'
import type { FromReader, ToReader } from './thread-messages.ts'

interface Asked {
  readonly resolve: (rows: readonly unknown[]) => void
  readonly reject: (error: Error) => void
}

/** Short reads run right here, which costs a tenth of asking a thread; long ones in a thread that starts when first needed. */
export class SqliteReads implements Db {
  readonly #options: FileOptions
  readonly #longOptions: FileOptions
  readonly #asked = new Map<number, Asked>()
  #file: SqliteFile | undefined
  #thread: Worker | undefined
  #lastId = 0
  #closed = false

  constructor(options: FileOptions, longOptions: FileOptions) {
    this.#options = options
    this.#longOptions = longOptions
  }

  async first<Params, Row>(query: Query<Params, Row>, params: Params): Promise<Row | undefined> {
    return this.#execute(query, params)[0]
  }

  async all<Params, Row>(query: Query<Params, Row>, params: Params): Promise<readonly Row[]> {
    return this.#execute(query, params)
  }

  longAll<Params, Row>(query: Query<Params, Row>, params: Params): Promise<readonly Row[]> {
    return new Promise((resolve, reject) => {
      const statement = query.statement('sqlite')
      const ask: ToReader = { id: ++this.#lastId, sql: statement.sql, values: statement.bind(params) }
      this.#startedThread().postMessage(ask)
      this.#asked.set(ask.id, { resolve: (rows) => resolve(rows as readonly Row[]), reject })
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#file?.close()
    this.#file = undefined
    await this.#thread?.terminate()
    this.#failAsked(new StoreUnavailable('closed', 'the store is closed'))
  }

  #execute<Params, Row>(query: Query<Params, Row>, params: Params): readonly Row[] {
    const statement = query.statement('sqlite')
    try {
      return this.#opened().execute(statement.sql, statement.bind(params)).rows as readonly Row[]
    } catch (error) {
      if (error instanceof StoreUnavailable && error.reason === 'broken') {
        this.#file?.close()
        this.#file = undefined
      }
      throw error
    }
  }

  #opened(): SqliteFile {
    if (this.#closed) throw new StoreUnavailable('closed', 'the store is closed')
    this.#file ??= new SqliteFile(this.#options)
    return this.#file
  }

  #startedThread(): Worker {
    if (this.#closed) throw new StoreUnavailable('closed', 'the store is closed')
    if (this.#thread !== undefined) return this.#thread
    const thread = new Worker(new URL('./reader-thread.ts', import.meta.url), { workerData: this.#longOptions })
    const gone = (detail: string): void => {
      if (this.#thread === thread) this.#thread = undefined
      this.#failAsked(new StoreUnavailable('broken', detail))
    }
    thread.on('message', (answer: FromReader) => this.#settle(answer))
    thread.on('error', (error) => gone(`the reading thread failed: ${String(error)}`))
    thread.on('exit', () => gone('the reading thread ended'))
    thread.unref()
    this.#thread = thread
    return thread
  }

  #settle(answer: FromReader): void {
    const asked = this.#asked.get(answer.id)
    this.#asked.delete(answer.id)
    if (answer.kind === 'rows') asked?.resolve(answer.rows)
    else if (answer.kind === 'failed') asked?.reject(new Error(answer.message))
    else asked?.reject(new StoreUnavailable(answer.reason, answer.detail))
  }

  #failAsked(error: Error): void {
    for (const { reject } of this.#asked.values()) reject(error)
    this.#asked.clear()
  }
}
