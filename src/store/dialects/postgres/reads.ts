import pg from 'pg'
import type { Logger } from '#base'
import { StoreUnavailable } from '../../ports/engine/faults.ts'
import type { Db } from '../../sql/engine/access.ts'
import type { Query } from '../../sql/engine/query.ts'
import { clientConfig, execute } from './client.ts'

const MAX_CONNECTIONS = 8

/** Reads through a pool of connections; the next read replaces a lost one. */
export class PostgresReads implements Db {
  readonly #pool: pg.Pool
  #closed = false

  constructor(url: string, logger: Logger) {
    this.#pool = new pg.Pool({ ...clientConfig(url), max: MAX_CONNECTIONS })
    this.#pool.on('error', (error) => logger.warn({ err: error }, 'lost a reading connection to PostgreSQL'))
  }

  async first<Params, Row>(query: Query<Params, Row>, params: Params): Promise<Row | undefined> {
    return (await this.all(query, params))[0]
  }

  async all<Params, Row>(query: Query<Params, Row>, params: Params): Promise<readonly Row[]> {
    if (this.#closed) throw new StoreUnavailable('closed', 'the store is closed')
    const statement = query.statement('postgres')
    const { rows } = await execute(this.#pool, statement, statement.bind(params))
    return rows as readonly Row[]
  }

  longAll<Params, Row>(query: Query<Params, Row>, params: Params): Promise<readonly Row[]> {
    return this.all(query, params)
  }

  async sizeBytes(): Promise<number> {
    if (this.#closed) throw new StoreUnavailable('closed', 'the store is closed')
    const { rows } = await this.#pool.query('select pg_database_size(current_database()) as size')
    return Number(rows[0].size)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#pool.end()
  }
}
