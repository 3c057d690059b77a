import pg from 'pg'
import type { Clock, Logger } from '#base'
import type { DurableStream } from '../../ports/engine/change.ts'
import { WriteConflict } from '../../ports/engine/change.ts'
import { DatabaseInUse, StoreUnavailable } from '../../ports/engine/faults.ts'
import type { Answer, GroupLocks, Positions, WriteConnection } from '../../sql/engine/connection.ts'
import type { Insert, Statement, Value } from '../../sql/engine/query.ts'
import type { Durability, Processes, StoreOptions } from '../../sql/engine/store.ts'
import { clientConfig, execute, executeText } from './client.ts'
import { faultOf, violationOf } from './faults.ts'

const FIRST_RETRY_MS = 100
const LONGEST_RETRY_MS = 5_000

/** Turned on even if the operator has turned it off for the whole database: commits are durable unless `storage.durability` says otherwise. */
const SYNCED: Readonly<Record<Durability, string>> = {
  full: "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') in ('off', 'local')",
  relaxed: "select set_config('synchronous_commit', 'off', false)",
}
/** Number of the shared advisory lock: one that no other program is likely to use. */
const SHARED_LOCK = 4_803_922_118

/** Number of the advisory lock of the processes that have the database open; it ends with the connection. */
const PROCESSES_LOCK = 4_803_922_119
const FORMS: Readonly<Record<Processes, string>> = { one: '', several: '_shared' }
/** PostgreSQL soon finds out that the machine of a holder is gone. */
const FIND_LOST_HOLDERS = 'set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3'
/** Waits, as a process that was killed a moment ago holds the lock until PostgreSQL notices. */
const holdInTime = (form: string): string =>
  `${FIND_LOST_HOLDERS}; set lock_timeout = '5s'; select pg_advisory_lock${form}(${PROCESSES_LOCK}); reset lock_timeout`
const holdNow = (form: string): string =>
  `${FIND_LOST_HOLDERS}; select pg_try_advisory_lock${form}(${PROCESSES_LOCK}) as held`

/** Takes the locks in the same order in all processes, so that they do not wait for each other in a circle. */
const beginWith = ({ streams, shared }: GroupLocks): string => {
  const lock = shared ? `; select pg_advisory_xact_lock(${SHARED_LOCK})` : ''
  const names = streams.map((stream) => `'${stream}'`).join()
  return `begin${lock}; select stream, position from stream_positions where stream in (${names || "''"}) order by stream for update`
}

/** Another process has taken the lock while this one had no connection. */
class LockTaken extends StoreUnavailable {}

type Hold = (client: pg.Client, form: string) => Promise<void>

/** Takes the lock again after a lost connection. Its owner writes over this connection alone, so whoever lost the lock cannot write. */
const holdAgain: Hold = async (client, form) => {
  const rows = await executeText(client, holdNow(form))
  if ((rows as readonly { held: boolean }[])[0]?.held !== true)
    throw new LockTaken('disconnected', 'another Homeroom has taken the database')
}

/** The one connection that writes. If it is lost, the next group makes a new one; failed attempts make the pause before the next one longer. */
export class PostgresWriteConnection implements WriteConnection {
  readonly dialect = 'postgres'
  readonly gathersInserts = true
  readonly #url: string
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #durability: Durability
  readonly #processes: Processes | undefined
  #client: pg.Client | undefined
  #retryMs = FIRST_RETRY_MS
  #notBeforeMs = 0

  constructor({ url, clock, logger, durability = 'full', processes }: StoreOptions) {
    this.#url = url
    this.#clock = clock
    this.#logger = logger
    this.#durability = durability
    this.#processes = processes
  }

  /** Connects for the first time. Throws `DatabaseInUse`. */
  async open(): Promise<void> {
    await this.#connect(async (client, form) => {
      try {
        await executeText(client, holdInTime(form))
      } catch (cause) {
        if (!(cause instanceof StoreUnavailable) || cause.reason !== 'busy') throw cause
        throw new DatabaseInUse('another process has the database open', { cause })
      }
    })
  }

  async begin(locks: GroupLocks): Promise<Positions> {
    const client = this.#client ?? (await this.#connect())
    const rows = await this.#text(beginWith(locks), client)
    const entries = rows as readonly { stream: DurableStream; position: number }[]
    return Object.fromEntries(entries.map(({ stream, position }) => [stream, position])) as Positions
  }

  execute(statement: Statement, values: Value[]): Promise<Answer> {
    return this.#guarded(execute(this.#connected(), statement, values))
  }

  async insert<Row>(insert: Insert<Row>, rows: readonly Row[]): Promise<void> {
    const [columns] = insert.bind('postgres', rows)
    try {
      await this.#guarded(execute(this.#connected(), insert.statement('postgres'), columns ?? []))
    } catch (error) {
      const violation = violationOf(error)
      const kind = violation === undefined ? undefined : insert.conflictKind(violation)
      if (kind !== undefined) throw new WriteConflict(kind)
      throw error
    }
  }

  /** Throws `StoreUnavailable` if the answer is lost: the commit may have been done or not, and is not tried again here. */
  async commit(advanced: Positions): Promise<void> {
    const moves = Object.entries(advanced).map(
      ([stream, position]) => `update stream_positions set position = ${position} where stream = '${stream}'; `,
    )
    await this.#text(`${moves.join('')}commit`)
  }

  async rollback(): Promise<void> {
    await this.#text('rollback')
  }

  async savepoint(): Promise<void> {
    await this.#text('savepoint one_commit')
  }

  async releaseSavepoint(): Promise<void> {
    await this.#text('release one_commit')
  }

  async rollbackToSavepoint(): Promise<void> {
    await this.#text('rollback to one_commit; release one_commit')
  }

  async abandon(): Promise<void> {
    if (this.#client === undefined) return
    try {
      await this.rollback()
    } catch {
      this.#drop(this.#client)
    }
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client?.end().catch(() => {})
  }

  async #connect(hold: Hold = holdAgain): Promise<pg.Client> {
    if (this.#clock.monotonicMs() < this.#notBeforeMs) {
      throw new StoreUnavailable('disconnected', 'PostgreSQL is being tried again soon')
    }
    const client = new pg.Client(clientConfig(this.#url))
    client.on('error', (error) => {
      this.#logger.warn({ err: error }, 'lost the writing connection to PostgreSQL')
      this.#drop(client)
    })
    try {
      await client.connect()
      await executeText(client, SYNCED[this.#durability])
      if (this.#processes !== undefined) await hold(client, FORMS[this.#processes])
    } catch (error) {
      this.#notBeforeMs = this.#clock.monotonicMs() + this.#retryMs
      this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS)
      this.#drop(client)
      if (error instanceof LockTaken)
        this.#logger.error({}, 'another Homeroom has taken the database; nothing is written until that one stops')
      throw error instanceof DatabaseInUse ? error : faultOf(error)
    }
    this.#retryMs = FIRST_RETRY_MS
    this.#client = client
    return client
  }

  #drop(client: pg.Client): void {
    if (this.#client === client) this.#client = undefined
    client.end().catch(() => {})
  }

  #connected(): pg.Client {
    if (this.#client === undefined) throw new StoreUnavailable('disconnected', 'lost PostgreSQL within a transaction')
    return this.#client
  }

  #text(text: string, client = this.#connected()): Promise<readonly unknown[]> {
    return this.#guarded(executeText(client, text))
  }

  async #guarded<Result>(answer: Promise<Result>): Promise<Result> {
    const client = this.#client
    try {
      return await answer
    } catch (error) {
      if (client !== undefined && error instanceof StoreUnavailable && error.reason === 'disconnected')
        this.#drop(client)
      throw error
    }
  }
}
