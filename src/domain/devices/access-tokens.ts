import { BoundedCache, type CacheStats, type Clock } from '#base'
import { type DeviceId, MatrixError, type UserId } from '#spec'
import { type Commit, type TokenRecord, type TokensReader, type TokensWriter, WriteConflict } from '#store'
import type { LastSeen } from './last-seen.ts'
import { hashToken, looksIssued } from './tokens.ts'

interface OwnerSession {
  readonly userId: UserId
  readonly user: number
  readonly deviceId: DeviceId
  readonly device: number
}

/** The user and device that an access token speaks for. */
export type TokenOwner =
  | (OwnerSession & { readonly kind: 'user'; readonly admin: boolean })
  | (OwnerSession & { readonly kind: 'guest' })

interface CachedToken {
  readonly owner: TokenOwner
  readonly expiresAtMs: number | undefined
  /** On the monotonic clock: until then it is not read again. */
  readonly freshUntilMs: number
  nextSightingMs: number
}

const CACHE_BYTES = 16 * 1024 * 1024
const ENTRY_BYTES = 512
/** Other processes on the same database may void a token; they cannot tell this cache. */
const FRESH_FOR_MS = 30_000
const SIGHTING_EVERY_MS = 60_000

export interface AccessTokensParts {
  readonly reader: TokensReader
  readonly writer: TokensWriter
  readonly commit: Commit
  readonly lastSeen: LastSeen
  readonly clock: Clock
}

/**
 * Checks access tokens, on every request: a hash and a look into a bounded cache. Whoever voids tokens must say so by `forget` after
 * the commit. Client-server API, "Using access tokens".
 */
export class AccessTokens {
  readonly #parts: AccessTokensParts
  readonly #cache = new BoundedCache<string, CachedToken>({
    name: 'access-tokens',
    limitBytes: CACHE_BYTES,
    sizeBytes: () => ENTRY_BYTES,
  })
  /** Counts calls of `forget`: what was read before one must not be cached after it. */
  #forgotten = 0
  #tellVoided: ((userId: UserId) => void) | undefined

  constructor(parts: AccessTokensParts) {
    this.#parts = parts
  }

  /** Whether the token has the shape of those that this server makes. */
  issued(accessToken: string): boolean {
    return looksIssued(accessToken)
  }

  /** Throws `M_UNKNOWN_TOKEN`, with `soft_logout` where the token expired and its device lives. Without `at` the device is not seen. */
  async check(
    accessToken: string,
    at?: { readonly ip: string; readonly userAgent: string | undefined },
  ): Promise<TokenOwner> {
    if (!looksIssued(accessToken)) throw unknownToken(false)
    const hash = hashToken(accessToken)
    const now = this.#parts.clock.monotonicMs()
    let entry = this.#cache.get(hash)
    if (entry === undefined || entry.freshUntilMs <= now) entry = await this.#load(hash, now, entry?.nextSightingMs)
    if (isOver(entry.expiresAtMs, this.#parts.clock)) throw unknownToken(true)
    if (at !== undefined && entry.nextSightingMs <= now) {
      entry.nextSightingMs = now + SIGHTING_EVERY_MS
      this.#parts.lastSeen.record(entry.owner.device, at.ip, at.userAgent)
    }
    return entry.owner
  }

  /** Takes voided tokens out of memory, by their hashes as the store's writers answer them. */
  forget(hashes: readonly string[]): void {
    this.#forgotten++
    const users = new Set<UserId>()
    for (const hash of hashes) {
      const known = this.#cache.get(hash)
      if (known !== undefined) users.add(known.owner.userId)
      this.#cache.delete(hash)
    }
    for (const userId of users) this.#tellVoided?.(userId)
  }

  /** From now on `listener` hears of users of whom a token was voided that was used not long ago. */
  onVoided(listener: (userId: UserId) => void): void {
    this.#tellVoided = listener
  }

  stats(): CacheStats {
    return this.#cache.stats()
  }

  async #load(hash: string, now: number, nextSightingMs = now): Promise<CachedToken> {
    const forgotten = this.#forgotten
    const record = await this.#parts.reader.byAccessHash(hash)
    if (record === undefined) {
      this.#cache.delete(hash)
      throw unknownToken(false)
    }
    if (isOver(record.accessExpiresAtMs, this.#parts.clock)) throw unknownToken(true)
    const entry: CachedToken = {
      owner: ownerOf(record),
      expiresAtMs: record.accessExpiresAtMs,
      freshUntilMs: now + FRESH_FOR_MS,
      nextSightingMs,
    }
    if (record.unconfirmed) await this.#confirm(record)
    else if (forgotten === this.#forgotten) this.#cache.set(hash, entry)
    return entry
  }

  /** "The old refresh token remains valid until the new access token or refresh token is used": this is the use. */
  async #confirm(record: TokenRecord): Promise<void> {
    try {
      const [{ revoked }] = await this.#parts.commit([this.#parts.writer.confirm(record.token)])
      this.forget(revoked)
    } catch (error) {
      throw error instanceof WriteConflict ? unknownToken(false) : error
    }
  }
}

const ownerOf = ({ userId, user, deviceId, device, guest, admin }: TokenRecord): TokenOwner =>
  Object.freeze(
    guest ? { kind: 'guest', userId, user, deviceId, device } : { kind: 'user', userId, user, deviceId, device, admin },
  )

export const isOver = (atMs: number | undefined, clock: Clock): boolean => atMs !== undefined && atMs <= clock.nowMs()

/** Client-server API, "Soft logout": without the member the client must give up all it has stored. */
export const unknownToken = (softLogout: boolean): MatrixError =>
  softLogout
    ? new MatrixError('M_UNKNOWN_TOKEN', 'The access token has expired', { fields: { soft_logout: true } })
    : new MatrixError('M_UNKNOWN_TOKEN', 'Unknown access token', { fields: { soft_logout: false } })
