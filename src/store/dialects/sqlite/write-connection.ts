import { type DurableStream, WriteConflict } from '../../ports/engine/change.ts'
import { StoreUnavailable } from '../../ports/engine/faults.ts'
import { type Answer, type Positions, positionsFrom, type WriteConnection } from '../../sql/engine/connection.ts'
import type { Insert, Statement, Value } from '../../sql/engine/query.ts'
import { type SqliteFile, violationOf } from './file.ts'

/** The writing connection. It is opened again after a fault that may have damaged it. */
export class SqliteWriteConnection implements WriteConnection {
  readonly dialect = 'sqlite'
  readonly gathersInserts = false
  readonly #open: () => SqliteFile
  #file: SqliteFile | undefined
  #doubtful = false
  /** The newest positions after the last transaction of this connection, valid while `#dataVersion` is still that of the file. */
  #positions: Readonly<Record<DurableStream, number>> | undefined
  /** SQLite's number that changes when another connection writes. */
  #dataVersion = -1

  constructor(open: () => SqliteFile) {
    this.#open = open
  }

  async begin(): Promise<Positions> {
    const file = this.#opened()
    file.step('begin immediate')
    const [version] = file.execute('pragma data_version', []).rows as readonly { data_version: number }[]
    if (this.#positions === undefined || version?.data_version !== this.#dataVersion)
      this.#positions = positionsIn(file)
    this.#dataVersion = version?.data_version ?? -1
    return this.#positions
  }

  async execute(statement: Statement, values: Value[]): Promise<Answer> {
    return this.#guarded((file) => file.execute(statement.sql, values))
  }

  async insert<Row>(insert: Insert<Row>, rows: readonly Row[]): Promise<void> {
    const { sql } = insert.statement('sqlite')
    try {
      for (const values of insert.bind('sqlite', rows)) this.#guarded((file) => file.execute(sql, values))
    } catch (error) {
      const violation = violationOf(error)
      const kind = violation === undefined ? undefined : insert.conflictKind(violation)
      if (kind !== undefined) throw new WriteConflict(kind)
      throw error
    }
  }

  async commit(advanced: Positions, inRows: ReadonlySet<DurableStream>): Promise<void> {
    this.#guarded((file) => {
      for (const [stream, position] of Object.entries(advanced)) {
        // Saves writing one page for each message.
        if (stream === IN_ROWS && inRows.has(stream)) continue
        file.execute('update stream_positions set position = ? where stream = ?', [position, stream])
      }
      file.step('commit')
    })
    if (this.#positions !== undefined) this.#positions = { ...this.#positions, ...advanced }
  }

  async rollback(): Promise<void> {
    this.#run('rollback')
  }

  async savepoint(): Promise<void> {
    this.#run('savepoint one_commit')
  }

  async releaseSavepoint(): Promise<void> {
    this.#run('release one_commit')
  }

  async rollbackToSavepoint(): Promise<void> {
    this.#run('rollback to one_commit')
    this.#run('release one_commit')
  }

  async abandon(): Promise<void> {
    try {
      if (this.#file?.inTransaction === true) this.#file.run('rollback')
    } catch {
      this.#doubtful = true
    }
    if (this.#doubtful) this.close()
  }

  close(): void {
    this.#file?.close()
    this.#file = undefined
    this.#positions = undefined
    this.#doubtful = false
  }

  #opened(): SqliteFile {
    this.#file ??= this.#open()
    return this.#file
  }

  #run(text: string): void {
    this.#guarded((file) => file.run(text))
  }

  #guarded<Result>(use: (file: SqliteFile) => Result): Result {
    try {
      return use(this.#opened())
    } catch (error) {
      if (error instanceof StoreUnavailable && error.reason === 'broken') this.#doubtful = true
      throw error
    }
  }
}

/** The stream whose newest position can be read from its rows: see `positionsIn`. */
const IN_ROWS: DurableStream = 'events'

const positionsIn = (file: SqliteFile): Readonly<Record<DurableStream, number>> => {
  const kept = file.execute('select stream, position from stream_positions', []).rows as readonly {
    stream: DurableStream
    position: number
  }[]
  const [newest] = file.execute('select max(event) as position from events', []).rows as readonly {
    position: number | null
  }[]
  return positionsFrom(kept, newest?.position)
}
