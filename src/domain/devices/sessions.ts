import type { Clock, Random } from '#base'
import { type DeviceId, MatrixError, type UserId, userLocked } from '#spec'
import {
  type Change,
  type Commit,
  type DevicesWriter,
  type StartedSession,
  type TokenNumber,
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
  readonly from: { readonly ip: string; readonly userAgent: string | undefined }
}

/** A session that begins once its change is committed: alone, or together with the account. */
export interface PreparedSession {
  readonly change: Change<StartedSession>
  /** For the client, after the commit. */
  readonly answer: IssuedTokens & { readonly device_id: DeviceId }
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

  /** Conflicts: `account-gone`, `account-locked`, `too-many-devices`. */
  prepare(request: SessionRequest): PreparedSession {
    const { clock, random, lifetimes, maxDevices: most } = this.#parts
    const deviceId = request.deviceId ?? (random.letters(10) as DeviceId)
    const { issued, stored } = issueTokens(random, clock, lifetimes, request.refreshable)
    const userAgent = request.from.userAgent?.slice(0, MAX_USER_AGENT_LENGTH).toWellFormed()
    return {
      change: this.#parts.devices.startSession({
        userId: request.userId,
        deviceId,
        displayName: request.displayName === undefined ? undefined : clipDisplayName(request.displayName),
        tokens: stored,
        seen: { ip: request.from.ip, userAgent, atMs: clock.nowMs() },
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
    const { clock, random, lifetimes } = this.#parts
    const token = await this.#refreshable(refreshToken)
    const { issued, stored } = issueTokens(random, clock, lifetimes, true)
    try {
      await this.#parts.commit([this.#parts.writer.exchange(token, stored)])
    } catch (error) {
      // It was replaced or removed after it was read: reading it again tells which.
      if (error instanceof WriteConflict) await this.#refreshable(refreshToken)
      throw error
    }
    return issued
  }

  async #refreshable(refreshToken: string): Promise<TokenNumber> {
    if (!looksIssued(refreshToken)) throw unknownToken()
    const record = await this.#parts.reader.byRefreshHash(hashToken(refreshToken))
    if (record === undefined) throw unknownToken()
    if (record.replaced) throw replacedToken()
    if (isOver(record.refreshExpiresAtMs, this.#parts.clock)) throw expiredToken()
    if (record.locked) throw userLocked()
    return record.token
  }
}

/** Accepts any text without control characters, which must not get into logs and terminals. Throws `M_INVALID_PARAM`. */
export const parseDeviceId = (text: string): DeviceId => {
  if (text === '' || text.length > MAX_DEVICE_ID_LENGTH || !text.isWellFormed() || /\p{Cc}/u.test(text)) {
    throw new MatrixError('M_INVALID_PARAM', `A device id has 1 to ${MAX_DEVICE_ID_LENGTH} characters`)
  }
  return text as DeviceId
}
