import { BoundedCache, type CacheStats, type Clock } from '#base'
import { type DeviceId, MatrixError, type UserId } from '#spec'
import {
  type Commit,
  type TokenRecord,
  type TokensReader,
  type TokensWriter,
  type UserNumber,
  WriteConflict,
} from '#store'
import type { News, NewsHandler, Streams } from '#streams'
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
  /** The count of news when it began to be read. */
  readonly asOf: number
  nextSightingMs: number
}

const CACHE_BYTES = 16 * 1024 * 1024
const ENTRY_BYTES = 512
/** Time after which a token that another process voided is found, even if its news was lost. */
const FRESH_FOR_MS = 30_000
/** Users with void tokens that are remembered; beyond that all tokens are read again. */
const REMEMBERED_USERS = 50_000
const SIGHTING_EVERY_MS = 60_000

export interface AccessTokensParts {
  readonly reader: TokensReader
  readonly writer: TokensWriter
  readonly commit: Commit
  readonly lastSeen: LastSeen
  readonly clock: Clock
  readonly news: Pick<Streams, 'onNews'>
}

/**
 * Checks access tokens, on every request: a hash and a look into a bounded cache. News of the stream `sessions` tells of void tokens.
 * Client-server API, "Using access tokens".
 */
export class AccessTokens implements NewsHandler {
  readonly #parts: AccessTokensParts
  readonly #cache = new BoundedCache<string, CachedToken>({
    name: 'access-tokens',
    limitBytes: CACHE_BYTES,
    sizeBytes: () => ENTRY_BYTES,
  })
  /** Counts news. An entry counts only if it was read after the latest news of its user. */
  #news = 0
  readonly #voidedAt = new Map<UserNumber, number>()
  #allVoidedAt = 0
  #tellVoided: ((user: UserNumber | 'all') => void) | undefined

  constructor(parts: AccessTokensParts) {
    this.#parts = parts
    parts.news.onNews(this)
  }

  /** Whether the token has the shape of those that this server makes. */
  issued(accessToken: string): boolean {
    return looksIssued(accessToken)
  }

  /** Throws `M_UNKNOWN_TOKEN`, with `soft_logout` if the token has expired and its device exists. Without `at` no sighting of the device is recorded. */
  async check(
    accessToken: string,
    at?: { readonly ip: string; readonly userAgent: string | undefined },
  ): Promise<TokenOwner> {
    if (!looksIssued(accessToken)) throw unknownToken(false)
    const hash = hashToken(accessToken)
    const now = this.#parts.clock.monotonicMs()
    let entry = this.#cache.get(hash)
    if (entry === undefined || entry.freshUntilMs <= now || this.#isOutdated(entry))
      entry = await this.#load(hash, now, entry?.nextSightingMs)
    if (isOver(entry.expiresAtMs, this.#parts.clock)) throw unknownToken(true)
    if (at !== undefined && entry.nextSightingMs <= now) {
      entry.nextSightingMs = now + SIGHTING_EVERY_MS
      this.#parts.lastSeen.record(entry.owner.device, at.ip, at.userAgent)
    }
    return entry.owner
  }

  news(news: readonly News[]): void {
    for (const { stream, users } of news) {
      if (stream !== 'sessions') continue
      this.#news++
      for (const user of users) this.#voidedAt.set(user, this.#news)
      for (const user of users) this.#tellVoided?.(user)
    }
    if (this.#voidedAt.size > REMEMBERED_USERS) this.#forgetAll()
  }

  missed(): void {
    this.#forgetAll()
    this.#tellVoided?.('all')
  }

  /** Calls `listener` with each user whose tokens became void from now on, or with `all` if that is unknown. */
  onVoided(listener: (user: UserNumber | 'all') => void): void {
    this.#tellVoided = listener
  }

  stats(): CacheStats {
    return this.#cache.stats()
  }

  #isOutdated({ owner, asOf }: CachedToken): boolean {
    return asOf < Math.max(this.#voidedAt.get(owner.user) ?? 0, this.#allVoidedAt)
  }

  #forgetAll(): void {
    this.#allVoidedAt = ++this.#news
    this.#voidedAt.clear()
    this.#cache.clear()
  }

  async #load(hash: string, now: number, nextSightingMs = now): Promise<CachedToken> {
    const asOf = this.#news
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
      asOf,
      nextSightingMs,
    }
    if (record.unconfirmed) await this.#confirm(record)
    else this.#cache.set(hash, entry)
    return entry
  }

  /** "The old refresh token remains valid until the new access token or refresh token is used": this is the use. */
  async #confirm(record: TokenRecord): Promise<void> {
    try {
      await this.#parts.commit([this.#parts.writer.confirm(record.token)])
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
