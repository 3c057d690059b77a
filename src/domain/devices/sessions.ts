import type { Clock, Random } from '#base'
import { type DeviceId, MatrixError, type UserId, userLocked } from '#spec'
import {
  type Change,
  type Commit,
  type DevicesWriter,
  type StartedSession,
  type TokenNumber,
  type TokenRecord,
  type TokensReader,
  type TokensWriter,
  WriteConflict,
} from '#store'
import { expiredToken, isOver, replacedToken, unknownToken } from './access-tokens.ts'
import { clipDisplayName } from './devices.ts'
import { hashToken, type IssuedTokens, issueTokens, looksIssued, type TokenLifetimes } from './tokens.ts'

export interface SessionRequest {
  readonly userId: UserId
  /** undefined: a new one. */
  readonly deviceId: DeviceId | undefined
  /** For a device that is new. */
  readonly displayName: string | undefined
  /** Whether the client can refresh. */
  readonly refreshable: boolean
  /** The id of the OAuth client whose session it is; it can refresh. */
  readonly oauthClient?: string
  /** Whether the session may administer the server, where the user may. undefined: unless it is that of an OAuth client. */
  readonly administers?: boolean
  readonly from: { readonly ip: string; readonly userAgent: string | undefined }
}

/** A session that begins once its change is committed: alone, or together with the account. */
export interface PreparedSession {
  readonly change: Change<StartedSession>
  /** For the client, after the commit. */
  readonly answer: IssuedTokens & { readonly device_id: DeviceId }
}

interface Refreshed {
  readonly issued: IssuedTokens
  readonly deviceId: DeviceId
  /** Whether the tokens may administer the server. */
  readonly admin: boolean
}

export interface SessionsParts {
  readonly devices: DevicesWriter
  readonly reader: TokensReader
  readonly writer: TokensWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly random: Random
  readonly lifetimes: TokenLifetimes
  readonly maxDevices: number
}

const MAX_DEVICE_ID_LENGTH = 255
const MAX_USER_AGENT_LENGTH = 256

/** Gives out and exchanges tokens. Client-server API, "Relationship between access tokens and devices". */
export class Sessions {
  readonly #parts: SessionsParts

  constructor(parts: SessionsParts) {
    this.#parts = parts
  }

  /** Conflicts: `account-gone`, `account-locked`, `account-awaits-approval`, `too-many-devices`. */
  prepare(request: SessionRequest): PreparedSession {
    const { clock, random, lifetimes, maxDevices: most } = this.#parts
    const deviceId = request.deviceId ?? (random.letters(10) as DeviceId)
    const kind = request.oauthClient !== undefined ? 'oauth' : request.refreshable ? 'refreshable' : 'plain'
    const { issued, stored } = issueTokens(random, clock, lifetimes, kind)
    const userAgent = request.from.userAgent?.slice(0, MAX_USER_AGENT_LENGTH).toWellFormed()
    return {
      change: this.#parts.devices.startSession({
        userId: request.userId,
        deviceId,
        displayName: request.displayName === undefined ? undefined : clipDisplayName(request.displayName),
        tokens: stored,
        seen: { ip: request.from.ip, userAgent, atMs: clock.nowMs() },
        oauthClient: request.oauthClient,
        administers: request.administers,
        most,
      }),
      answer: { ...issued, device_id: deviceId },
    }
  }

  /**
   * Client-server API, "Refreshing access tokens". Several at once with one token each give tokens that stay good. Throws `M_UNKNOWN_TOKEN`; with
   * `soft_logout: true` if the token has expired, or one that was given for it is in use.
   */
  async refresh(refreshToken: string): Promise<IssuedTokens> {
    return (await this.#exchange(refreshToken, undefined)).issued
  }

  /**
   * The same for an OAuth client, whose session it must be. A token whose successor is in use was stolen, or its successor was: all tokens of the
   * session become void, while its device lives on (client-server API, "Refresh token grant"). Throws `M_UNKNOWN_TOKEN`.
   */
  async refreshFor(oauthClient: string, refreshToken: string): Promise<Refreshed> {
    return this.#exchange(refreshToken, oauthClient)
  }

  /** The session to which an access token or refresh token belongs; undefined: none, or the token is void. */
  async sessionOf(token: string): Promise<{ readonly userId: UserId; readonly deviceId: DeviceId } | undefined> {
    if (!looksIssued(token)) return undefined
    const { reader } = this.#parts
    const hash = hashToken(token)
    const record = (await reader.byAccessHash(hash)) ?? (await reader.byRefreshHash(hash))
    return record === undefined || record.replaced ? undefined : record
  }

  /** Voids all tokens of the session to which a pair belongs, if it is one of that OAuth client; its device lives on. */
  async voidSession(token: TokenNumber, oauthClient: string): Promise<void> {
    await this.#parts.commit([this.#parts.writer.voidSession(token, oauthClient)])
  }

  async #exchange(refreshToken: string, oauthClient: string | undefined): Promise<Refreshed> {
    const { clock, random, lifetimes } = this.#parts
    const { token, deviceId, admin } = await this.#refreshable(refreshToken, oauthClient)
    const { issued, stored } = issueTokens(
      random,
      clock,
      lifetimes,
      oauthClient === undefined ? 'refreshable' : 'oauth',
    )
    try {
      await this.#parts.commit([this.#parts.writer.exchange(token, stored)])
    } catch (error) {
      // It was replaced or removed after it was read: reading it again tells which.
      if (error instanceof WriteConflict) await this.#refreshable(refreshToken, oauthClient)
      throw error
    }
    return { issued, deviceId, admin }
  }

  async #refreshable(refreshToken: string, oauthClient: string | undefined): Promise<TokenRecord> {
    if (!looksIssued(refreshToken)) throw unknownToken()
    const record = await this.#parts.reader.byRefreshHash(hashToken(refreshToken))
    // Each kind of session is refreshed by its own API.
    if (record === undefined || record.oauthClient !== oauthClient) throw unknownToken()
    if (record.replaced) {
      if (oauthClient !== undefined) await this.voidSession(record.token, oauthClient)
      throw replacedToken()
    }
    if (isOver(record.refreshExpiresAtMs, this.#parts.clock)) throw expiredToken()
    // An OAuth client would take a refusal for a logout; it learns at its next request that the account is locked, and keeps its session.
    if (record.locked && oauthClient === undefined) throw userLocked()
    return record
  }
}

/** Accepts any text without control characters, which must not get into logs and terminals. Throws `M_INVALID_PARAM`. */
export const parseDeviceId = (text: string): DeviceId => {
  if (text === '' || text.length > MAX_DEVICE_ID_LENGTH || !text.isWellFormed() || /\p{Cc}/u.test(text)) {
    throw new MatrixError('M_INVALID_PARAM', `A device id has 1 to ${MAX_DEVICE_ID_LENGTH} characters`)
  }
  return text as DeviceId
}
