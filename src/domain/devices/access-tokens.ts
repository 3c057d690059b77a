import { BoundedCache, type CacheStats, type Clock, textBytes } from '#base'
import { accountExpired, type DeviceId, MatrixError, type UserId, userLocked } from '#spec'
import {
  type Commit,
  type RateOverride,
  type TokenRecord,
  type TokensReader,
  type TokensWriter,
  type UserNumber,
  WriteConflict,
} from '#store'
import type { News, NewsHandler, Streams } from '#streams'
import type { LastSeen } from './last-seen.ts'
import { hashToken, looksIssued } from './tokens.ts'

/** A user and one of their devices, each by its id and by the number that the database has for it. */
interface UserDevice {
  readonly userId: UserId
  readonly user: number
  readonly deviceId: DeviceId
  readonly device: number
  /** Whether the user may say nothing new for now (client-server API, "Account suspension"). */
  readonly suspended: boolean
  /** Whether what the user does is taken and reaches nobody. */
  readonly shadowBanned: boolean
  /** undefined: the limits of the configuration. */
  readonly rateLimit: RateOverride | undefined
}

/** The user and device that an access token speaks for. */
export type TokenOwner =
  | (UserDevice & {
      readonly kind: 'user'
      readonly admin: boolean
      /** The id of the OAuth client that got the token; undefined: it came from a login of the legacy API. */
      readonly oauthClient?: string
      /** An application service began the session, and does not have the user for itself alone. */
      readonly borrowed: boolean
    })
  | (UserDevice & { readonly kind: 'guest' })

/** A use of a token by a request, and from which address. */
export interface TokenUse {
  readonly ip: string
  readonly userAgent: string | undefined
  /** Called before a token that nobody uses lately is looked up; what it throws ends the check. */
  beforeLookUp?(): Promise<void>
  /** Whether this use is open to locked accounts too. */
  readonly admitsLocked?: boolean
}

interface CachedToken {
  readonly owner: TokenOwner
  readonly locked: boolean
  /** Unix time; undefined: the account never expires. */
  readonly accountExpiresAtMs: number | undefined
  /** Unix time. */
  readonly expiresAtMs: number | undefined
  /** The time at which the token is read again even without news, on the monotonic clock. */
  readonly freshUntilMs: number
  /** The value of `#newsCount` when the read of the token began. */
  readonly readAtNews: number
  /** The time of the next use that is recorded as a sighting of the device, on the monotonic clock. */
  nextSightingMs: number
}

const CACHE_BYTES = 16 * 1024 * 1024
const ENTRY_BYTES = 512
/** A void token is refused after this time at the latest, even if the news of it was lost on its way from another process. */
const FRESH_FOR_MS = 30_000
/** The most users whose void tokens are remembered one by one; beyond that all tokens are read again. */
const REMEMBERED_USERS = 50_000
const HASHES_BYTES = 1024 * 1024
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
 * Checks the access token of every request, mostly by a hash and a look into a bounded cache. News of the stream `sessions` names the
 * users some of whose tokens became void. Client-server API, "Using access tokens".
 */
export class AccessTokens implements NewsHandler {
  readonly #parts: AccessTokensParts
  readonly #cache = new BoundedCache<string, CachedToken>({
    name: 'access-tokens',
    limitBytes: CACHE_BYTES,
    sizeBytes: () => ENTRY_BYTES,
  })
  /** The number of news of void tokens so far. A cached token is good only if its read began after the latest news of its user. */
  #newsCount = 0
  /** Hashes of tokens in use, which are a tenth of what a small request costs. Whether a token is void is asked of its entry each time. */
  readonly hashes = new BoundedCache<string, string>({
    name: 'token-hashes',
    limitBytes: HASHES_BYTES,
    sizeBytes: textBytes,
  })
  /** The value of `#newsCount` at the latest news of each user. */
  readonly #voidedAt = new Map<UserNumber, number>()
  /** The value of `#newsCount` when all tokens were last forgotten. */
  #allVoidedAt = 0
  readonly #voidedListeners: ((user: UserNumber | 'all') => void)[] = []

  constructor(parts: AccessTokensParts) {
    this.#parts = parts
    parts.news.onNews(this)
  }

  /** Whether the token has the shape of those that this server makes. */
  mayHaveIssued(accessToken: string): boolean {
    return looksIssued(accessToken)
  }

  /**
   * Throws `M_USER_LOCKED`, `ORG_MATRIX_EXPIRED_ACCOUNT`, and `M_UNKNOWN_TOKEN`; with `soft_logout: true` if the token has expired or was refreshed, and its device exists. Without `at` no sighting of the
   * device is recorded.
   */
  async check(accessToken: string, at?: TokenUse): Promise<TokenOwner> {
    if (!looksIssued(accessToken)) throw unknownToken()
    const remembered = this.hashes.get(accessToken)
    const hash = remembered ?? hashToken(accessToken)
    const now = this.#parts.clock.monotonicMs()
    let entry = this.#cache.get(hash)
    if (entry === undefined) await at?.beforeLookUp?.()
    if (entry === undefined || entry.freshUntilMs <= now || this.#isOutdated(entry))
      entry = await this.#load(hash, now, entry?.nextSightingMs)
    // A request is checked as it comes, and where it waited once more as it is answered.
    if (remembered === undefined) this.hashes.set(accessToken, hash)
    if (isOver(entry.expiresAtMs, this.#parts.clock)) throw expiredToken()
    if (entry.locked && at?.admitsLocked !== true) throw userLocked()
    if (isOver(entry.accountExpiresAtMs, this.#parts.clock) && at?.admitsLocked !== true) throw accountExpired()
    if (at !== undefined && entry.nextSightingMs <= now) {
      entry.nextSightingMs = now + SIGHTING_EVERY_MS
      this.#parts.lastSeen.record(entry.owner.device, at.ip, at.userAgent)
    }
    return entry.owner
  }

  news(news: readonly News[]): void {
    for (const { stream, users } of news) {
      if (stream !== 'sessions') continue
      this.#newsCount++
      for (const user of users) this.#voidedAt.set(user, this.#newsCount)
      for (const user of users) this.#tellVoided(user)
    }
    if (this.#voidedAt.size > REMEMBERED_USERS) this.#forgetAll()
  }

  missed(): void {
    this.#forgetAll()
    this.#tellVoided('all')
  }

  /** Calls `listener`, beside those given earlier, with each user some of whose tokens become void; with `all` where the users are unknown. */
  onVoided(listener: (user: UserNumber | 'all') => void): void {
    this.#voidedListeners.push(listener)
  }

  stats(): CacheStats {
    return this.#cache.stats()
  }

  #tellVoided(user: UserNumber | 'all'): void {
    for (const listener of this.#voidedListeners) listener(user)
  }

  #isOutdated({ owner, readAtNews }: CachedToken): boolean {
    return readAtNews < Math.max(this.#voidedAt.get(owner.user) ?? 0, this.#allVoidedAt)
  }

  #forgetAll(): void {
    this.#allVoidedAt = ++this.#newsCount
    this.#voidedAt.clear()
    this.#cache.clear()
  }

  async #load(hash: string, now: number, nextSightingMs = now): Promise<CachedToken> {
    const readAtNews = this.#newsCount
    const record = await this.#parts.reader.byAccessHash(hash)
    if (record === undefined) {
      this.#cache.delete(hash)
      throw unknownToken()
    }
    if (record.replaced) throw replacedToken()
    if (isOver(record.accessExpiresAtMs, this.#parts.clock)) throw expiredToken()
    const entry: CachedToken = {
      owner: ownerOf(record),
      locked: record.locked,
      accountExpiresAtMs: record.accountExpiresAtMs,
      expiresAtMs: record.accessExpiresAtMs,
      freshUntilMs: now + FRESH_FOR_MS,
      readAtNews,
      nextSightingMs,
    }
    // A token in its first use is not cached: that use makes news of the same user, which would outdate the entry at once.
    if (record.unconfirmed) await this.#confirm(record)
    else this.#cache.set(hash, entry)
    return entry
  }

  /**
   * Records the first use of a refreshed token: "The old refresh token remains valid until the new access token or refresh token is used."
   * Several first uses at once all succeed, as confirming a confirmed pair changes nothing. The write has one conflict, `token-gone`: the
   * pair was deleted after it was read, by a logout or because its device has many newer ones. So the token is unknown for good.
   */
  async #confirm(record: TokenRecord): Promise<void> {
    try {
      await this.#parts.commit([this.#parts.writer.confirm(record.token)])
    } catch (error) {
      throw error instanceof WriteConflict ? unknownToken() : error
    }
  }
}

const ownerOf = ({ guest, admin, oauthClient, borrowed, ...record }: TokenRecord): TokenOwner => {
  const { userId, user, deviceId, device, suspended, shadowBanned, rateLimit } = record
  const owner = { userId, user, deviceId, device, suspended, shadowBanned, rateLimit }
  return Object.freeze(
    guest
      ? { kind: 'guest', ...owner }
      : { kind: 'user', ...owner, admin, borrowed, ...(oauthClient === undefined ? {} : { oauthClient }) },
  )
}

export const isOver = (atMs: number | undefined, clock: Clock): boolean => atMs !== undefined && atMs <= clock.nowMs()

/** For a token that is void for good: the client gives up all it has stored, encryption keys too. Client-server API, "Soft logout". */
export const unknownToken = (): MatrixError =>
  new MatrixError('M_UNKNOWN_TOKEN', 'Unknown access token', { fields: { soft_logout: false } })

/** For a token whose device lives on: the client keeps what it has stored, and refreshes or logs in again. Client-server API, "Soft logout". */
export const expiredToken = (): MatrixError =>
  new MatrixError('M_UNKNOWN_TOKEN', 'The access token has expired', { fields: { soft_logout: true } })

/** For a token that a refresh replaced: the client, or another window of it, has the new one. Client-server API, "Refreshing access tokens". */
export const replacedToken = (): MatrixError =>
  new MatrixError('M_UNKNOWN_TOKEN', 'The token was refreshed, and the new one is in use', {
    fields: { soft_logout: true },
  })
