import { hash } from 'node:crypto'
import type { CacheStats, Clock, Random } from '#base'
import type { UserId } from '#spec'
import { OneTimeTable } from './one-time-table.ts'

const PREFIX = 'hrl_'
const RANDOM_LENGTH = 43
const MAX_LENGTH = 64

/**
 * Tokens of `m.login.token`: one use, short life, kept as hashes in memory. A restart within their seconds voids them, and the
 * person signs in once more.
 */
export class LoginTokens {
  readonly #random: Random
  readonly #tokens: OneTimeTable<{ readonly userId: UserId }>

  /** `lifetimeMs`: of the token that ends a sign-in in a browser. */
  constructor(clock: Clock, random: Random, lifetimeMs: number) {
    this.#random = random
    this.#tokens = new OneTimeTable({ name: 'login-tokens', clock, random, lifetimeMs })
  }

  issue(userId: UserId, lifetimeMs?: number): string {
    const token = PREFIX + this.#random.token(RANDOM_LENGTH)
    this.#tokens.put({ userId }, hash('sha256', token, 'hex'), lifetimeMs)
    return token
  }

  /** Whose it is, once. undefined: not given out here, used, or over. */
  take(token: string): UserId | undefined {
    return token.length > MAX_LENGTH ? undefined : this.#tokens.take(hash('sha256', token, 'hex'))?.userId
  }

  stats(): CacheStats {
    return this.#tokens.stats()
  }
}
