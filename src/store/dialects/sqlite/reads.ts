import type { Clock } from '#base'
import { StoreUnavailable } from '../../ports/engine/faults.ts'
import type { Db } from '../../sql/engine/access.ts'
import type { Query } from '../../sql/engine/query.ts'
import { type FileOptions, SqliteFile } from './file.ts'
import { ReaderThreads } from './reader-threads.ts'
import type { ReaderData } from './thread-messages.ts'

/** Short reads run in the serving thread, which costs a tenth of asking another thread; long ones in threads that start when first needed. */
export class SqliteReads implements Db {
  readonly #options: FileOptions
  readonly #threads: ReaderThreads
  #file: SqliteFile | undefined
  #checkpoint: Promise<void> | undefined
  #closed = false

  constructor(options: FileOptions, threads: ReaderData, clock: Clock) {
    this.#options = options
    this.#threads = new ReaderThreads(threads, clock)
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
    return (await this.#threads.run((thread) => thread.rows(sql, values))) as readonly Row[]
  }

  get isCheckpointing(): boolean {
    return this.#checkpoint !== undefined
  }

  /** Makes a checkpoint in a thread for long work, on its own connection, so that no commit waits for it. One at a time. */
  checkpoint(): Promise<void> {
    this.#checkpoint ??= this.#threads
      .run((thread) => thread.checkpoint())
      .finally(() => {
        this.#checkpoint = undefined
      })
    return this.#checkpoint
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#file?.close()
    this.#file = undefined
    await this.#threads.close()
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
}
