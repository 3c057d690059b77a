import { BoundedWork } from '#base'
import { StoreUnavailable } from '../../ports/engine/faults.ts'
import type { Db } from '../../sql/engine/access.ts'
import type { Query } from '../../sql/engine/query.ts'
import { type FileOptions, SqliteFile } from './file.ts'
import { SqliteReader } from './reader.ts'
import type { ReaderData } from './thread-messages.ts'

/** Threads for long work. A new one starts if all others are busy, and stays. */
const MAX_READERS = 3
/** Long reads that wait; each caller has few at once, so this many are a fault, and refused. */
const MAX_WAITING = 10_000

/** Short reads run in the serving thread, which costs a tenth of asking another thread; long ones in threads that start when first needed. */
export class SqliteReads implements Db {
  readonly #options: FileOptions
  readonly #threads: ReaderData
  /** One queue for all threads: a read waits for the first that is free, and not behind a long one. */
  readonly #long = new BoundedWork({ concurrency: MAX_READERS, maxWaiting: MAX_WAITING })
  #readers: SqliteReader[] = []
  #file: SqliteFile | undefined
  #checkpoint: Promise<void> | undefined
  #closed = false

  constructor(options: FileOptions, threads: ReaderData) {
    this.#options = options
    this.#threads = threads
  }

  async first<Params, Row>(query: Query<Params, Row>, params: Params): Promise<Row | undefined> {
    return this.#execute(query, params)[0]
  }

  async all<Params, Row>(query: Query<Params, Row>, params: Params): Promise<readonly Row[]> {
    return this.#execute(query, params)
  }

  async longAll<Params, Row>(query: Query<Params, Row>, params: Params): Promise<readonly Row[]> {
    const { sql, bind } = query.statement('sqlite')
    const values = bind(params)
    return (await this.#long.run(() => this.#leastBusy().rows(sql, values))) as readonly Row[]
  }

  /** Makes a checkpoint in a thread for long work, on its own connection, so that no commit waits for it. One at a time. */
  checkpoint(): Promise<void> {
    this.#checkpoint ??= this.#leastBusy()
      .checkpoint()
      .finally(() => {
        this.#checkpoint = undefined
      })
    return this.#checkpoint
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#file?.close()
    this.#file = undefined
    await Promise.all(this.#readers.map((reader) => reader.close()))
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

  #leastBusy(): SqliteReader {
    if (this.#closed) throw new StoreUnavailable('closed', 'the store is closed')
    this.#readers = this.#readers.filter((reader) => !reader.gone)
    const [first, ...others] = this.#readers
    const least = others.reduce(
      (best, reader) => (best !== undefined && best.busy <= reader.busy ? best : reader),
      first,
    )
    if (least !== undefined && (least.busy === 0 || this.#readers.length >= MAX_READERS)) return least
    const reader = new SqliteReader(this.#threads)
    this.#readers.push(reader)
    return reader
  }
}
