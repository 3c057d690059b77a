import { hash } from 'node:crypto'
import type { Clock, Random } from '#base'
import { accountExpired, MatrixError, type UserId, userAwaitsApproval, userLocked } from '#spec'
import type { AccountRecord, AccountsReader, Change, Commit, ShortLivedTable } from '#store'
import { type BrowserPlace, placeOf, type SeenAt } from './places.ts'

/** A person who is signed in at a browser. */
export interface BrowserSession {
  /** Names the session and opens nothing; the secret is in the cookie alone. */
  readonly id: string
  readonly userId: UserId
  /** Internal number of the user. */
  readonly user: number
  readonly admin: boolean
  /** Whether the account may say nothing new for now. */
  readonly suspended: boolean
  /** The time at which the person last proved who they are. */
  readonly authenticatedAtMs: number
  /** Goes as a hidden field `csrf` into every form of the session, and is compared by `checkCsrf`. */
  readonly csrf: string
}

export interface KeptBrowserSession {
  readonly userId: UserId
  readonly csrf: string
  readonly authenticatedAtMs: number
  readonly seenAtMs: number
  /** Hash of the account's password hash at the time: another password ends the session. */
  readonly password: string
  /** The place where it was seen last; undefined: no page was shown yet, or an earlier version of this server made it. */
  readonly place?: BrowserPlace
  /** When it began. undefined: an earlier version made it. */
  readonly beganAtMs?: number
}

/** A session as its person sees it in a list. */
export interface ListedSession {
  /** The name by which it is ended. */
  readonly name: string
  readonly beganAtMs: number
  readonly seenAtMs: number
  readonly place: BrowserPlace | undefined
  /** Whether it is the one that asks. */
  readonly current: boolean
}

export interface BrowserSessionsParts {
  readonly table: ShortLivedTable<KeptBrowserSession>
  readonly accounts: Pick<AccountsReader, 'account'>
  readonly commit: Commit
  readonly clock: Clock
  readonly random: Random
  /** Whether browsers reach this server by https. */
  readonly secure: boolean
}

const HOUR_MS = 3_600_000
/** A session that is not used for so long ends. */
export const BROWSER_SESSION_IDLE_MS = 24 * HOUR_MS
/** The longest time between signing in and signing in again. */
export const BROWSER_SESSION_MOST_MS = 14 * 24 * HOUR_MS
/** A session that was seen so lately is not written again. */
const SEEN_ANEW_MS = 10 * 60_000

const SECRET_LENGTH = 43
const SECRET = /^[A-Za-z0-9]{43}$/

/**
 * Sessions of people at browsers, for pages alone: no access token comes of them. The cookie has a random secret, and the database a hash of it. `Lax`, so
 * that a link of an app finds the person signed in, while no form of another site does. A session ends with its time, with another password, and
 * when the account is locked or deactivated, whoever did that and however.
 */
export class BrowserSessions {
  readonly #parts: BrowserSessionsParts

  constructor(parts: BrowserSessionsParts) {
    this.#parts = parts
  }

  get cookieName(): string {
    return this.#parts.secure ? '__Host-homeroom_session' : 'homeroom_session'
  }

  /** The value of `Set-Cookie` that takes the cookie away. */
  get goneCookie(): string {
    return this.#cookie('', 0)
  }

  /**
   * A new session, never one that the browser had before. `verified`: the account whose password was checked; if its password is another one by now,
   * the session is void. Throws `M_USER_DEACTIVATED`, `M_USER_LOCKED`, `ORG_MATRIX_EXPIRED_ACCOUNT`, the error of MSC3866 for one who waits for approval, `M_FORBIDDEN` for guests.
   */
  async begin(userId: UserId, verified?: AccountRecord): Promise<{ readonly setCookie: string }> {
    const { table, accounts, clock, random } = this.#parts
    const account = verified ?? (await accounts.account(userId))
    if (account === undefined || account.deactivatedAtMs !== undefined) {
      throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
    }
    if (account.lockedAtMs !== undefined) throw userLocked()
    if (isExpired(account, clock.nowMs())) throw accountExpired()
    if (account.awaitsApproval) throw userAwaitsApproval(false)
    if (account.guest) throw new MatrixError('M_FORBIDDEN', 'Guests have no account pages')
    const secret = random.token(SECRET_LENGTH)
    const nowMs = clock.nowMs()
    await table.put(
      {
        userId,
        csrf: random.token(SECRET_LENGTH),
        authenticatedAtMs: nowMs,
        seenAtMs: nowMs,
        beganAtMs: nowMs,
        password: fingerprintOf(account),
      },
      { id: idOf(secret), owner: userId },
    )
    return { setCookie: this.#cookie(secret, BROWSER_SESSION_MOST_MS / 1_000) }
  }

  /** The session of a cookie's value. undefined: there is none, or it has ended. `at`: what the request says of where the browser is. */
  async of(cookie: string | undefined, at?: SeenAt): Promise<BrowserSession | undefined> {
    if (cookie === undefined || !SECRET.test(cookie)) return undefined
    const { table, accounts } = this.#parts
    const id = idOf(cookie)
    const kept = await table.find(id)
    if (kept === undefined) return undefined
    const account = await accounts.account(kept.userId)
    if (account === undefined || !mayGoOn(account, kept) || isExpired(account, this.#parts.clock.nowMs())) {
      await table.take(id)
      return undefined
    }
    if (!(await this.#goesOn(id, kept, at))) return undefined
    const { userId, authenticatedAtMs, csrf } = kept
    const { user, admin, suspendedAtMs } = account
    return { id, userId, user, admin, suspended: suspendedAtMs !== undefined, authenticatedAtMs, csrf }
  }

  /** Whether the person proved who they are so lately. */
  isRecent({ authenticatedAtMs }: BrowserSession, withinMs: number): boolean {
    return this.#parts.clock.nowMs() - authenticatedAtMs <= withinMs
  }

  async end(id: string): Promise<void> {
    await this.#parts.table.take(id)
  }

  /** All sessions of the account that has this one: this one first, then those that were seen last. */
  async listOf({ id, userId }: BrowserSession): Promise<readonly ListedSession[]> {
    const { table, accounts, clock } = this.#parts
    const account = await accounts.account(userId)
    if (account === undefined) return []
    const nowMs = clock.nowMs()
    const current = table.nameOf(id)
    return (await table.owned(userId))
      .filter(({ value }) => mayGoOn(account, value) && value.authenticatedAtMs + BROWSER_SESSION_MOST_MS > nowMs)
      .map(({ name, value: { beganAtMs, authenticatedAtMs, seenAtMs, place } }) => ({
        ...{ name, seenAtMs, place, beganAtMs: beganAtMs ?? authenticatedAtMs },
        current: name === current,
      }))
      .toSorted((a, b) => Number(b.current) - Number(a.current) || b.seenAtMs - a.seenAtMs)
  }

  /** Ends a session that `listOf` named; another account's session, or one that has ended, is passed over. */
  async endListed(userId: UserId, name: string): Promise<void> {
    await this.#parts.table.takeOwned(userId, name)
  }

  async endAllOf(userId: UserId): Promise<void> {
    await this.#parts.commit([this.endingAllOf(userId)])
  }

  /** `endAllOf`, for the commit of something else. */
  endingAllOf(userId: UserId): Change<void> {
    return this.#parts.table.removingOwned(userId)
  }

  /** Writes that the session was seen, and where. false: it ended meanwhile. */
  async #goesOn(id: string, kept: KeptBrowserSession, at: SeenAt | undefined): Promise<boolean> {
    const { seenAtMs, authenticatedAtMs } = kept
    const nowMs = this.#parts.clock.nowMs()
    const isPlaced = at === undefined || kept.place !== undefined
    if (nowMs - seenAtMs < SEEN_ANEW_MS && isPlaced) return true
    const place = at === undefined ? {} : { place: placeOf(at) }
    const lifetimeMs = Math.min(BROWSER_SESSION_IDLE_MS, authenticatedAtMs + BROWSER_SESSION_MOST_MS - nowMs)
    const seen = await this.#parts.table.change(id, (value) => ({
      value: { ...value, ...place, seenAtMs: nowMs },
      lifetimeMs,
    }))
    return seen !== undefined && lifetimeMs > 0
  }

  #cookie(value: string, lifetimeS: number): string {
    const { secure } = this.#parts
    return `${this.cookieName}=${value}; Path=/; Max-Age=${lifetimeS}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
  }
}

const idOf = (secret: string): string => hash('sha256', secret, 'hex')

const fingerprintOf = ({ passwordHash }: AccountRecord): string => hash('sha256', passwordHash ?? '', 'hex')

const mayGoOn = (account: AccountRecord, { password }: KeptBrowserSession): boolean =>
  account.deactivatedAtMs === undefined &&
  account.lockedAtMs === undefined &&
  !account.awaitsApproval &&
  !account.guest &&
  fingerprintOf(account) === password

const isExpired = ({ expiresAtMs }: AccountRecord, nowMs: number): boolean =>
  expiresAtMs !== undefined && expiresAtMs <= nowMs
