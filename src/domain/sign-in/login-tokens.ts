import { hash } from 'node:crypto'
import type { CacheStats, Clock, Random } from '#base'
import type { DeviceId, UserId } from '#spec'
import { OneTimeTable } from './one-time-table.ts'

/** Whom a login token lets in. */
export interface LoginTokenOwner {
  readonly userId: UserId
  /** The device that asked for it, where one did. */
  readonly askedBy: DeviceId | undefined
}

const PREFIX = 'hrl_'
const RANDOM_LENGTH = 43
const MAX_LENGTH = 64

/**
 * Tokens of `m.login.token`: one use, short life, kept as hashes in memory. A restart within their seconds voids them, and the
 * person signs in once more.
 */
export class LoginTokens {
  readonly #random: Random
  readonly #tokens: OneTimeTable<LoginTokenOwner>

  /** `lifetimeMs`: of the token that ends a sign-in in a browser. */
  constructor(clock: Clock, random: Random, lifetimeMs: number) {
    this.#random = random
    this.#tokens = new OneTimeTable({ name: 'login-tokens', clock, random, lifetimeMs })
  }

  issue(userId: UserId, askedBy?: DeviceId, lifetimeMs?: number): string {
    const token = PREFIX + this.#random.token(RANDOM_LENGTH)
    this.#tokens.put({ userId, askedBy }, hash('sha256', token, 'hex'), lifetimeMs)
    return token
  }

  /** Whose it is, once. undefined: not given out here, used, or over. */
  take(token: string): LoginTokenOwner | undefined {
    return token.length > MAX_LENGTH ? undefined : this.#tokens.take(hash('sha256', token, 'hex'))
  }

  stats(): CacheStats {
    return this.#tokens.stats()
  }
}
