import { type DurableStream, StoreUnavailable } from '#store'
import type { SqliteWriteConnection } from '../../src/store/dialects/sqlite/write-connection.ts'
import type { Answer, Positions, WriteConnection } from '../../src/store/sql/engine/connection.ts'
import type { Insert, Statement, Value } from '../../src/store/sql/engine/query.ts'

/** What goes wrong with the next group. */
export type WriteFault = 'none' | 'is busy' | 'fails' | 'loses its answer'

/** A connection whose next transaction does not begin, is not committed, or is committed without anybody being told. */
export class FaultyConnection implements WriteConnection {
  readonly dialect = 'sqlite'
  readonly gathersInserts: boolean
  readonly #real: SqliteWriteConnection
  nextFault: WriteFault = 'none'

  constructor(real: SqliteWriteConnection, gathersInserts: boolean) {
    this.#real = real
    this.gathersInserts = gathersInserts
  }

  async begin(): Promise<Positions> {
    if (this.#take('is busy')) throw new StoreUnavailable('busy', 'another process holds the lock')
    return this.#real.begin()
  }

  async commit(advanced: Positions, inRows: ReadonlySet<DurableStream>): Promise<void> {
    if (this.#take('fails')) throw new StoreUnavailable('full', 'the disk is full')
    await this.#real.commit(advanced, inRows)
    if (this.#take('loses its answer')) throw new StoreUnavailable('broken', 'the connection ended')
  }

  execute(statement: Statement, values: Value[]): Promise<Answer> {
    return this.#real.execute(statement, values)
  }

  insert<Row>(insert: Insert<Row>, rows: readonly Row[]): Promise<void> {
    return this.#real.insert(insert, rows)
  }

  rollback(): Promise<void> {
    return this.#real.rollback()
  }

  savepoint(): Promise<void> {
    return this.#real.savepoint()
  }

  releaseSavepoint(): Promise<void> {
    return this.#real.releaseSavepoint()
  }

  rollbackToSavepoint(): Promise<void> {
    return this.#real.rollbackToSavepoint()
  }

  abandon(): Promise<void> {
    return this.#real.abandon()
  }

  close(): void {
    this.#real.close()
  }

  #take(fault: WriteFault): boolean {
    if (this.nextFault !== fault) return false
    this.nextFault = 'none'
    return true
  }
}
