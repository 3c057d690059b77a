/**
 * The database cannot do it now: busy, full, broken or gone. A commit whose answer was lost may still have happened, so a repetition must be
 * idempotent. Clients get 503, `M_UNKNOWN` and `Retry-After`.
 */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
  readonly reason: UnavailableReason
  readonly detail: string
  readonly retryAfterMs: number

  constructor(reason: UnavailableReason, detail: string, retryAfterMs = RETRY_AFTER_MS[reason]) {
    super(`${reason}: ${detail}`)
    this.reason = reason
    this.detail = detail
    this.retryAfterMs = retryAfterMs
  }
}

export type UnavailableReason = 'busy' | 'deadlock' | 'full' | 'broken' | 'disconnected' | 'overloaded' | 'closed'

const RETRY_AFTER_MS: Readonly<Record<UnavailableReason, number>> = {
  busy: 1_000,
  deadlock: 1_000,
  full: 30_000,
  broken: 5_000,
  disconnected: 2_000,
  overloaded: 1_000,
  closed: 5_000,
}

/** Another process has the database open, and one of the two is meant to be alone. */
export class DatabaseInUse extends Error {
  override readonly name = 'DatabaseInUse'
}

/** The database was written by a newer release; this one must not touch it. */
export class SchemaTooNew extends Error {
  override readonly name = 'SchemaTooNew'
  /** Migrations that are in the database and not in this release. */
  readonly unknown: readonly string[]

  constructor(unknown: readonly string[]) {
    super(`the database was written by a newer release (${unknown.join(', ')})`)
    this.unknown = unknown
  }
}

/** A text holds U+0000, which PostgreSQL cannot store: both databases refuse it, in writes and in queries. */
export class UnstorableText extends Error {
  override readonly name = 'UnstorableText'

  constructor() {
    super('text with U+0000 cannot be stored')
  }
}
