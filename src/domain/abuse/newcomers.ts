import { BoundedCache, type CacheStats, type Clock, textBytes } from '#base'
import { MatrixError, type UserId } from '#spec'
import type { AccountsReader, Commit, NewcomerCountsWriter } from '#store'

export type NewcomerDeedName = 'invite' | 'message' | 'room'

/** So many in so many seconds. */
export interface NewcomerRate {
  readonly requests: number
  readonly perSeconds: number
}

export interface NewcomersParts {
  readonly accounts: Pick<AccountsReader, 'account'>
  readonly writer: NewcomerCountsWriter
  readonly commit: Commit
  readonly clock: Clock
  /** Accounts younger than this are new; 0: none is. */
  readonly ageMs: number
  /** undefined: no limit. */
  readonly rates: Readonly<Record<NewcomerDeedName, NewcomerRate | undefined>>
}

const OLD_BYTES = 4 * 1024 * 1024

/** Limits on what new accounts do, counted in the database so that all processes count together. Accounts that are known to be old cost nothing. */
export class Newcomers {
  readonly #parts: NewcomersParts
  /** No account becomes new again. */
  readonly #old = new BoundedCache<UserId, { readonly userId: UserId }>({
    name: 'old-accounts',
    limitBytes: OLD_BYTES,
    sizeBytes: ({ userId }) => 120 + 2 * textBytes(userId),
  })

  constructor(parts: NewcomersParts) {
    this.#parts = parts
  }

  stats(): CacheStats {
    return this.#old.stats()
  }

  /** Throws `M_LIMIT_EXCEEDED` for a new account that does it too often. Administrators and guests of any age count like others. */
  async count(userId: UserId, deed: NewcomerDeedName, times = 1): Promise<void> {
    const { accounts, writer, commit, clock, ageMs, rates } = this.#parts
    const rate = rates[deed]
    if (ageMs === 0 || rate === undefined || times === 0 || this.#old.get(userId) !== undefined) return
    const account = await accounts.account(userId)
    const nowMs = clock.nowMs()
    if (account === undefined || account.createdAtMs + ageMs <= nowMs) {
      this.#old.set(userId, { userId })
      return
    }
    const limits = { most: rate.requests, nowMs, endsAtMs: nowMs + rate.perSeconds * 1_000 }
    const [refusedUntilMs] = await commit([writer.count({ user: account.user, deed, times, ...limits })])
    if (refusedUntilMs === undefined) return
    const retry_after_ms = Math.max(1, refusedUntilMs - nowMs)
    throw new MatrixError('M_LIMIT_EXCEEDED', 'Your account is new, and may not do this so often yet', {
      fields: { retry_after_ms },
      headers: { 'Retry-After': String(Math.ceil(retry_after_ms / 1_000)) },
    })
  }
}
