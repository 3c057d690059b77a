import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { StoreUnavailable, type UnavailableReason } from '../../ports/engine/faults.ts'
import type { Answer } from '../../sql/engine/connection.ts'
import type { Value } from '../../sql/engine/query.ts'
import type { Durability } from '../../sql/engine/store.ts'

export interface FileOptions {
  readonly path: string
  readonly readOnly: boolean
  /** How long a statement waits for another process's lock. */
  readonly busyTimeoutMs: number
  readonly durability?: Durability | undefined
  /** Beyond this size the database behaves as on a full disk. */
  readonly maxSizeBytes?: number | undefined
  /** Of the connection's own cache of pages; by default that of the connections which answer the most. */
  readonly cacheKib?: number | undefined
  /** Whether a commit may make a checkpoint; true by default. */
  readonly checkpoints?: boolean | undefined
}

/** Primary result codes of SQLite that are faults of the database and not of the statement. */
const FAULTS: ReadonlyMap<number, UnavailableReason> = new Map([
  [5, 'busy'],
  [6, 'busy'],
  [7, 'broken'],
  [8, 'broken'],
  [10, 'broken'],
  [11, 'broken'],
  [13, 'full'],
  [14, 'broken'],
  [15, 'broken'],
  [26, 'broken'],
])
const CONSTRAINT = 19

const codeOf = (error: unknown): number | undefined =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined

/** The columns of a violated unique constraint; undefined for any other error. */
export const violationOf = (error: unknown): string | undefined =>
  codeOf(error) === CONSTRAINT && error instanceof Error && error.message.includes('UNIQUE') ? error.message : undefined

export const faultOf = (error: unknown): unknown => {
  const reason = FAULTS.get(codeOf(error) ?? -1)
  return reason === undefined ? error : new StoreUnavailable(reason, error instanceof Error ? error.message : 'SQLite')
}

const LATE_CHECKPOINT_PAGES = 16_000
const CACHE_KIB = 32_768
const WAL_KEPT_BYTES = 64 * 1024 * 1024

/** One connection with its prepared statements. Every method throws `StoreUnavailable` for the database's own faults. */
export class SqliteFile {
  readonly #database: DatabaseSync
  readonly #prepared = new Map<string, { readonly statement: StatementSync; readonly answersRows: boolean }>()

  constructor(options: FileOptions) {
    try {
      this.#database = new DatabaseSync(options.path, { readOnly: options.readOnly, timeout: options.busyTimeoutMs })
    } catch (error) {
      throw faultOf(error)
    }
    try {
      this.run(`pragma cache_size = -${options.cacheKib ?? CACHE_KIB}`)
      if (!options.readOnly) this.#prepareForWriting(options)
    } catch (error) {
      this.close()
      throw error
    }
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction
  }

  run(text: string): void {
    try {
      this.#database.exec(text)
    } catch (error) {
      throw faultOf(error)
    }
  }

  /** A statement without parameters and rows that is done again and again: it is parsed once. */
  step(text: string): void {
    try {
      this.#execute(text, [])
    } catch (error) {
      throw faultOf(error)
    }
  }

  execute(text: string, values: Value[]): Answer {
    try {
      return this.#execute(text, values)
    } catch (error) {
      throw faultOf(error)
    }
  }

  close(): void {
    this.#prepared.clear()
    try {
      this.#database.close()
    } catch {
      // The connection is given up in any case; commits are in the log.
    }
  }

  #execute(text: string, values: Value[]): Answer {
    let prepared = this.#prepared.get(text)
    if (prepared === undefined) {
      const statement = this.#database.prepare(text)
      prepared = { statement, answersRows: statement.columns().length > 0 }
      this.#prepared.set(text, prepared)
    }
    const bound = values as (string | number | null)[]
    if (!prepared.answersRows) return { rows: [], changes: Number(prepared.statement.run(...bound).changes) }
    const rows = prepared.statement.all(...bound)
    return { rows, changes: rows.length }
  }

  #prepareForWriting({ maxSizeBytes, durability = 'full', checkpoints = true }: FileOptions): void {
    this.run('pragma journal_mode = wal')
    // Full: the log is synced before a commit is answered (macOS needs a setting for a real sync). Relaxed: it is synced by checkpoints.
    this.run(`pragma synchronous = ${durability === 'full' ? 'full' : 'normal'}`)
    this.run('pragma fullfsync = on; pragma checkpoint_fullfsync = on')
    // Checkpoints run on another connection; this one makes a checkpoint only if the other cannot keep up.
    this.run(
      `pragma wal_autocheckpoint = ${checkpoints ? LATE_CHECKPOINT_PAGES : 0}; pragma journal_size_limit = ${WAL_KEPT_BYTES}`,
    )
    // Overwrites deleted data, so that redacted content cannot be read from freed pages. Little is deleted, so it costs little.
    this.run('pragma secure_delete = on')
    if (maxSizeBytes === undefined) return
    const pageSize = this.execute('pragma page_size', []).rows[0] as { page_size: number }
    this.run(`pragma max_page_count = ${Math.max(1, Math.floor(maxSizeBytes / pageSize.page_size))}`)
  }
}
