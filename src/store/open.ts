import { sql } from 'kysely'
import type { Commit, Committed, DurableStream } from './ports/engine/change.ts'
import type { Db } from './sql/engine/access.ts'
import type { CommitStats } from './sql/engine/commit-queue.ts'
import { positionsFrom } from './sql/engine/connection.ts'
import type { Inspection } from './sql/engine/inspection.ts'
import { queriesOver } from './sql/engine/query.ts'
import type { StoreOptions } from './sql/engine/store.ts'
import { type Readers, readersOver } from './sql/ports.ts'

/** The open database: a reader for each port, and `commit` for the changes that `writers` make. */
export interface Store extends Readers {
  readonly commit: Commit
  /** Calls the listener in this thread for each committed group, in order, before its commits resolve. Returns the function that removes it. */
  onCommitted(listener: (committed: Committed) => void): () => void
  /** The newest position of each stream, with commits of other processes. */
  positions(): Promise<Readonly<Record<DurableStream, number>>>
  stats(): CommitStats
  /** Bytes that the database takes: its files, or what PostgreSQL says. */
  sizeBytes(): Promise<number>
  /** Refuses new commits, finishes those under way, and closes the database. */
  close(): Promise<void>
}

interface StreamTables {
  readonly events: { readonly event: number }
  readonly stream_positions: { readonly stream: DurableStream; readonly position: number }
}

const allPositions = queriesOver<StreamTables>()((db) =>
  db.selectFrom('stream_positions').select(['stream', 'position']),
)

/** On SQLite the newest position of the stream of events is its newest row, unless a position was taken that no event has. */
const newestEvent = queriesOver<StreamTables>()((db) =>
  db.selectFrom('events').select(sql<number | null>`max(event)`.as('position')),
)

/** The newest position of each stream in a database. */
export const positionsIn = async (db: Db): Promise<Readonly<Record<DurableStream, number>>> => {
  const kept = await db.all(allPositions, {})
  return positionsFrom(kept, (await db.first(newestEvent, {}))?.position)
}

/** Opens the database and brings its schema up to date. Throws `SchemaTooNew`, and `StoreUnavailable` if it cannot be reached. */
export const openStore = async (options: StoreOptions): Promise<Store> => {
  const { queue, db, sizeBytes, close } = await openDialect(options)
  let closing: Promise<void> | undefined
  return {
    ...readersOver(db),
    commit: queue.commit,
    onCommitted: (listener) => queue.onCommitted(listener),
    positions: () => positionsIn(db),
    stats: () => queue.stats(),
    sizeBytes,
    close: () => {
      closing ??= queue.close().then(close)
      return closing
    },
  }
}

/** Looks at a database without changing anything. Throws `StoreUnavailable` if it cannot be read. */
export const inspectDatabase = async (url: string): Promise<Inspection> => {
  if (url.startsWith('sqlite:')) {
    const { inspectSqlite } = await import('./dialects/sqlite/inspect.ts')
    return inspectSqlite(url.slice('sqlite:'.length))
  }
  const { inspectPostgres } = await import('./dialects/postgres/inspect.ts')
  return inspectPostgres(url)
}

/** Loads only the dialect in use, as each driver costs memory. */
const openDialect = async (options: StoreOptions) => {
  const { url } = options
  if (url.startsWith('sqlite:')) {
    const { openSqlite } = await import('./dialects/sqlite/open.ts')
    return openSqlite(url.slice('sqlite:'.length), options)
  }
  if (/^postgres(?:ql)?:\/\//.test(url)) {
    const { openPostgres } = await import('./dialects/postgres/open.ts')
    return openPostgres(options)
  }
  throw new TypeError('a database URL starts with sqlite: or postgres://')
}
