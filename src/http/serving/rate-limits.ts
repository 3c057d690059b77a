import { hash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { LRUCache } from 'lru-cache'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { MatrixError } from '#spec'
import type { RateLimit } from '../endpoint/endpoint.ts'
import type { OwnRateLimit } from '../endpoint/requester.ts'

export interface RateBudget {
  readonly requests: number
  readonly perSeconds: number
}

export type RateBudgets = Readonly<Record<Exclude<RateLimit, 'unlimited'>, RateBudget>>

/** Counts one request against a budget. Throws `M_LIMIT_EXCEEDED` (429) with `retry_after_ms` and `Retry-After`. */
export interface RateLimiter {
  /**
   * `key` names the budget: a user id, an address, or for logins the account that is tried. `own`: a limit of the user's own, which takes the place of
   * `message`.
   */
  consume(limit: RateLimit, key: string, own?: OwnRateLimit): Promise<void>
  /** Throws as `consume` does where the budget is used up, and counts nothing. */
  check(limit: RateLimit, key: string): Promise<void>
}

/** Limit of keys for each budget; beyond it the oldest keys start anew. */
const MAX_KEYS = 50_000

/** Limits that differ: administrators set them, and few kinds. */
const MAX_OWN_LIMITS = 1_000

/** Strangers choose the names that they try: a key takes no more than this. */
const LONG_KEY = 64
const short = (key: string): string => (key.length > LONG_KEY ? hash('sha256', key, 'base64url') : key)

class Budget {
  readonly #limiter: RateLimiterMemory
  readonly #keys: LRUCache<string, true>

  constructor(budget: RateBudget) {
    const limiter = new RateLimiterMemory({ points: budget.requests, duration: budget.perSeconds })
    this.#limiter = limiter
    this.#keys = new LRUCache({
      // Not `max`: that would allocate for all of them at once.
      maxSize: MAX_KEYS,
      sizeCalculation: () => 1,
      dispose: (_, key, reason) => {
        if (reason === 'evict') void limiter.delete(key)
      },
    })
  }

  async consume(long: string): Promise<void> {
    const key = short(long)
    this.#keys.set(key, true)
    try {
      await this.#limiter.consume(key)
    } catch (refused) {
      throw refused instanceof RateLimiterRes ? limitExceeded(refused.msBeforeNext) : refused
    }
  }

  async check(key: string): Promise<void> {
    const used = await this.#limiter.get(short(key))
    if (used !== null && used.remainingPoints <= 0) throw limitExceeded(used.msBeforeNext)
  }
}

/** Budgets of users with limits of their own, one for all who have the same. */
class OwnBudgets {
  readonly #budgets = new LRUCache<string, Budget>({ max: MAX_OWN_LIMITS })

  /** In the time in which the rate gives as many requests as are allowed at once, so many are allowed. */
  of({ perSecond, burst }: OwnRateLimit): Budget {
    const key = `${perSecond}/${burst}`
    const requests = Math.max(1, burst)
    const budget = this.#budgets.get(key) ?? new Budget({ requests, perSeconds: requests / perSecond })
    this.#budgets.set(key, budget)
    return budget
  }
}

/** Client-server API, "Rate limiting": the header is the current way, the member of the body the one before. */
export const limitExceeded = (waitMs: number): MatrixError => {
  const retryAfterMs = Math.max(1, Math.ceil(waitMs))
  return new MatrixError('M_LIMIT_EXCEEDED', 'Too many requests', {
    fields: { retry_after_ms: retryAfterMs },
    headers: { 'Retry-After': String(Math.ceil(retryAfterMs / 1000)) },
  })
}

/** A limiter that can be exchanged while requests come. The next one begins with nothing counted. */
export class ExchangeableRateLimiter implements RateLimiter {
  #limiter: RateLimiter

  constructor(limiter: RateLimiter) {
    this.#limiter = limiter
  }

  exchange(limiter: RateLimiter): void {
    this.#limiter = limiter
  }

  consume(limit: RateLimit, key: string, own?: OwnRateLimit): Promise<void> {
    return this.#limiter.consume(limit, key, own)
  }

  check(limit: RateLimit, key: string): Promise<void> {
    return this.#limiter.check(limit, key)
  }
}

export const noRateLimits: RateLimiter = { consume: () => Promise.resolve(), check: () => Promise.resolve() }

export const createRateLimiter = (budgets: RateBudgets): RateLimiter => {
  const limits = new Map<RateLimit, Budget>()
  for (const [name, budget] of Object.entries(budgets)) limits.set(name as RateLimit, new Budget(budget))
  const own = new OwnBudgets()
  return {
    consume: async (limit, key, instead) =>
      instead === undefined || limit !== 'message' ? limits.get(limit)?.consume(key) : own.of(instead).consume(key),
    check: async (limit, key) => limits.get(limit)?.check(key),
  }
}

/** The key of an address: for IPv6 its /64, as a client can use all addresses of one. */
export const addressKey = (ip: string): string => {
  const groups = groupsOf(ip)
  return typeof groups === 'string' ? groups : groups.slice(0, 4).join(':')
}

/** The key of the range that an address is in: its /24, or its /48 of IPv6. */
export const addressRangeKey = (ip: string): string => {
  const groups = groupsOf(ip)
  return typeof groups === 'string' ? groups.replace(/\.\d+$/, '') : groups.slice(0, 3).join(':')
}

/** The groups of an IPv6 address in their shortest form, or an IPv4 address. */
const groupsOf = (ip: string): string | readonly string[] => {
  if (!isIPv6(ip)) return ip
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)
  if (mapped?.[1] !== undefined) return mapped[1]
  const [head = '', tail] = ip.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  return [...left, ...Array<string>(missing).fill('0'), ...right].map((group) =>
    group.replace(/^0+(?=.)/, '').toLowerCase(),
  )
}
