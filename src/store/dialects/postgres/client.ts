import pg from 'pg'
import type { Answer } from '../../sql/engine/connection.ts'
import type { Statement, Value } from '../../sql/engine/query.ts'
import { faultOf } from './faults.ts'

const INT8 = 20
const CONNECT_TIMEOUT_MS = 3_000
const STATEMENT_TIMEOUT_MS = 30_000
const LOCK_TIMEOUT_MS = 10_000

/** Returns bigint columns as numbers, as ours stay below 2^53; set for these clients, not for the whole process. */
const typeParsers: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
}

export const clientConfig = (url: string): pg.ClientConfig => ({
  connectionString: url,
  application_name: 'homeroom',
  // Compiling a query takes longer than any of ours.
  options: '-c jit=off',
  types: typeParsers,
  keepAlive: true,
  connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  statement_timeout: STATEMENT_TIMEOUT_MS,
  // Needed if the network loses the answer: the database's own timeout never arrives then.
  query_timeout: STATEMENT_TIMEOUT_MS + LOCK_TIMEOUT_MS,
  lock_timeout: LOCK_TIMEOUT_MS,
  idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
})

/** The part of a client or a pool that is used here. */
export interface Queryable {
  query(config: { readonly name?: string; readonly text: string; readonly values?: unknown[] }): Promise<{
    readonly rows: unknown[]
    readonly rowCount: number | null
  }>
}

/** Runs a statement. Throws `StoreUnavailable` for the database's own faults. */
export const execute = async (on: Queryable, { name, sql }: Statement, values: Value[]): Promise<Answer> => {
  try {
    const { rows, rowCount } = await on.query({ name, text: sql, values })
    return { rows, changes: rowCount ?? 0 }
  } catch (error) {
    throw faultOf(error)
  }
}

/** Runs SQL without parameters. Returns the rows, of several statements those of the last one. */
export const executeText = async (on: Queryable, text: string): Promise<readonly unknown[]> => {
  try {
    const answer: unknown = await on.query({ text })
    const last: unknown = Array.isArray(answer) ? answer.at(-1) : answer
    return (last as { readonly rows: unknown[] }).rows
  } catch (error) {
    throw faultOf(error)
  }
}
