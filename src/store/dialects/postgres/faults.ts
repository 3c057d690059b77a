import pg from 'pg'
import { StoreUnavailable, type UnavailableReason } from '../../ports/engine/faults.ts'

/** PostgreSQL error codes, or their classes (first two letters), that are faults of the database and not of the statement. */
const FAULTS: readonly (readonly [prefix: string, reason: UnavailableReason])[] = [
  ['57014', 'busy'],
  ['57', 'disconnected'],
  ['08', 'disconnected'],
  ['28', 'disconnected'],
  ['3D', 'disconnected'],
  ['531', 'full'],
  ['532', 'full'],
  ['53', 'overloaded'],
  ['25006', 'broken'],
  ['25P03', 'disconnected'],
  ['40', 'deadlock'],
  ['55P03', 'busy'],
  ['58', 'broken'],
  ['XX', 'broken'],
]
const UNIQUE_VIOLATION = '23505'

/** The columns of a violated unique constraint, without the values that PostgreSQL names with them; undefined for any other error. */
export const violationOf = (error: unknown): string | undefined =>
  error instanceof pg.DatabaseError && error.code === UNIQUE_VIOLATION ? (error.detail ?? '').split('=')[0] : undefined

/** A connection that was tried at several addresses fails with an error for each, and no text of its own. */
const detailOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.message === '') return detailOf(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}

/** Turns the error of a query into ours: everything that is not the database's own answer is trouble with the connection. */
export const faultOf = (error: unknown): unknown => {
  if (error instanceof StoreUnavailable) return error
  const detail = detailOf(error)
  if (!(error instanceof pg.DatabaseError)) return new StoreUnavailable('disconnected', detail)
  const fault = FAULTS.find(([prefix]) => error.code?.startsWith(prefix))
  return fault === undefined ? error : new StoreUnavailable(fault[1], detail)
}
