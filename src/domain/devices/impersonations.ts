import type { Clock, Random } from '#base'
import { accountExpired, type DeviceId, MatrixError, type UserId, userLocked } from '#spec'
import type { Change, Commit, Impersonation, ImpersonationsReader, ImpersonationsWriter } from '#store'
import { isOver, unknownToken } from './access-tokens.ts'
import { hashToken } from './tokens.ts'

export interface ImpersonationsParts {
  readonly reader: ImpersonationsReader
  readonly writer: ImpersonationsWriter
  readonly commit: Commit
  readonly random: Random
  readonly clock: Clock
}

/** The user as whom an administrator acts. It has no device, and no right to administer. */
export interface Impersonated {
  readonly kind: 'user'
  readonly userId: UserId
  readonly user: number
  readonly deviceId: DeviceId
  readonly device: number
  readonly suspended: boolean
  readonly shadowBanned: boolean
  readonly admin: false
  /** Names the token, for its logout. */
  readonly impersonation: number
}

const SHAPE = /^hrp_[A-Za-z0-9]{43}$/
/** Tokens that one administrator has at once. */
const MOST = 100
/** Far from the numbers below zero that application services have. */
const NO_DEVICES = -1_000_000_000_000

/**
 * Access tokens by which administrators act as other users, who do not notice: no device is made, and their own logouts end none. Each request looks its
 * token up, as such requests are rare, so one that ended is void at once in all processes.
 */
export class Impersonations {
  readonly #parts: ImpersonationsParts

  constructor(parts: ImpersonationsParts) {
    this.#parts = parts
  }

  /** The change that makes a token. Conflict: `account-gone`. */
  prepare(
    by: UserId,
    userId: UserId,
    expiresAtMs: number | undefined,
  ): { readonly change: Change<void>; readonly token: string } {
    const token = `hrp_${this.#parts.random.token(43)}`
    const change = this.#parts.writer.add({ accessHash: hashToken(token), userId, byUserId: by, expiresAtMs }, MOST)
    return { change, token }
  }

  mayHaveIssued(accessToken: string): boolean {
    return SHAPE.test(accessToken)
  }

  /** Throws `M_UNKNOWN_TOKEN`, also while its administrator is none any more or their time is over, `M_USER_LOCKED`, and `ORG_MATRIX_EXPIRED_ACCOUNT`. */
  async check(
    accessToken: string,
    use?: { readonly admitsLocked?: boolean; beforeLookUp?(): Promise<void> },
  ): Promise<Impersonated> {
    await use?.beforeLookUp?.()
    const found = await this.#parts.reader.impersonation(hashToken(accessToken))
    const { clock } = this.#parts
    if (found === undefined || isOver(found.expiresAtMs, clock) || isOver(found.byExpiresAtMs, clock))
      throw unknownToken()
    if (found.guest) throw new MatrixError('M_FORBIDDEN', 'Nobody can act as a guest')
    if (found.locked && use?.admitsLocked !== true) throw userLocked()
    if (isOver(found.accountExpiresAtMs, clock) && use?.admitsLocked !== true) throw accountExpired()
    return impersonatedBy(found)
  }

  /** Ends one. */
  async end(impersonation: number): Promise<void> {
    await this.#parts.commit([this.#parts.writer.remove(impersonation)])
  }
}

const impersonatedBy = ({ impersonation, userId, user, suspended, shadowBanned }: Impersonation): Impersonated => ({
  kind: 'user',
  ...{ userId, user, suspended, shadowBanned, impersonation },
  deviceId: '' as DeviceId,
  device: NO_DEVICES - impersonation,
  admin: false,
})
