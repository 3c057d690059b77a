import { hash } from 'node:crypto'
import type { Clock } from '#base'
import {
  accountExpired,
  type DeviceId,
  MatrixError,
  parseUserId,
  type UserId,
  userAwaitsApproval,
  userLocked,
} from '#spec'
import type { AccountRecord, AccountsReader, DevicesReader, UserNumber } from '#store'
import type { ApplicationService } from './application-service.ts'
import type { AppServices } from './appservices.ts'

/** For whom a service asks, as the query of its request says. */
export interface Masquerade {
  readonly userId: string | undefined
  readonly deviceId: string | undefined
}

export interface ServiceUse {
  readonly masquerade: Masquerade
  readonly admitsLocked: boolean
}

/** A user, for whom their application service asks. */
export interface ServiceUser {
  readonly kind: 'user'
  readonly userId: UserId
  readonly user: UserNumber
  /** Empty where the service asks for no device. */
  readonly deviceId: DeviceId
  /** Below zero where the service asks for no device: what belongs to one, such as transaction ids, then belongs to the user. */
  readonly device: number
  readonly suspended: boolean
  readonly admin: boolean
  /** The id of the service. */
  readonly service: string
  /** Whether the service has the user not for itself alone. */
  readonly borrowed: boolean
  readonly shadowBanned: boolean
  /** See `User` of the edge: none at all for services whose file says so. */
  readonly rateLimit: { readonly perSecond: number; readonly burst: number } | undefined
}

export interface ServiceTokensParts {
  readonly services: AppServices
  readonly accounts: Pick<AccountsReader, 'account'>
  readonly devices: Pick<DevicesReader, 'device'>
  readonly clock: Pick<Clock, 'nowMs'>
}

/** Checks the tokens of application services, and for whom they ask (application service API, "Identity assertion"). */
export class ServiceTokens {
  readonly forServices = true
  readonly #parts: ServiceTokensParts
  #services: readonly ApplicationService[] = []
  #byHash = new Map<string, ApplicationService>()
  #lengths = new Set<number>()

  constructor(parts: ServiceTokensParts) {
    this.#parts = parts
  }

  mayHaveIssued(accessToken: string): boolean {
    return this.serviceOf(accessToken) !== undefined
  }

  /** The service whose token it is. */
  serviceOf(accessToken: string): ApplicationService | undefined {
    this.#refresh()
    return this.#lengths.has(accessToken.length) ? this.#byHash.get(hashOf(accessToken)) : undefined
  }

  /** Throws `M_UNKNOWN_TOKEN`, `M_FORBIDDEN` for a user whom the service may not be, `M_UNKNOWN_DEVICE`, and what the user's own tokens are refused with. */
  async check(accessToken: string, use?: ServiceUse): Promise<ServiceUser> {
    const service = this.serviceOf(accessToken)
    if (service === undefined)
      throw new MatrixError('M_UNKNOWN_TOKEN', 'Unknown access token', { fields: { soft_logout: false } })
    const { userId: named, deviceId } = use?.masquerade ?? { userId: undefined, deviceId: undefined }
    const userId = named === undefined || named === '' ? service.sender : parseUserId(named)
    if (userId === undefined || !service.hasUser(userId))
      throw new MatrixError('M_FORBIDDEN', 'The application service cannot be that user')
    const account = await this.#account(userId)
    const device = deviceId === undefined || deviceId === '' ? undefined : await this.#device(userId, deviceId)
    if (use?.admitsLocked !== true) this.#assertOpen(account)
    return {
      kind: 'user',
      userId,
      user: account.user,
      deviceId: (device === undefined ? '' : deviceId) as DeviceId,
      device: device ?? -account.user,
      suspended: account.suspendedAtMs !== undefined,
      // A service that may be anybody, so as to speak for people in their rooms, does not administer the server by that.
      admin: account.admin && service.owns(userId),
      service: service.id,
      borrowed: !service.owns(userId),
      shadowBanned: account.shadowBanned,
      rateLimit: service.registration.rateLimited ? account.rateLimit : NO_LIMITS,
    }
  }

  #refresh(): void {
    const services = this.#parts.services.all()
    if (services === this.#services) return
    this.#services = services
    this.#byHash = new Map(services.map((service) => [hashOf(service.registration.asToken), service]))
    this.#lengths = new Set(services.map(({ registration }) => registration.asToken.length))
  }

  /** Throws `M_USER_LOCKED`, `ORG_MATRIX_EXPIRED_ACCOUNT`, the error of MSC3866. */
  #assertOpen({ lockedAtMs, expiresAtMs, awaitsApproval }: AccountRecord): void {
    if (lockedAtMs !== undefined) throw userLocked()
    if (expiresAtMs !== undefined && expiresAtMs <= this.#parts.clock.nowMs()) throw accountExpired()
    if (awaitsApproval) throw userAwaitsApproval(false)
  }

  async #account(userId: UserId): Promise<AccountRecord> {
    const account = await this.#parts.accounts.account(userId)
    if (account === undefined)
      throw new MatrixError('M_FORBIDDEN', 'The application service has not registered that user')
    if (account.deactivatedAtMs !== undefined)
      throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
    return account
  }

  async #device(userId: UserId, deviceId: string): Promise<number> {
    const device = await this.#parts.devices.device(userId, deviceId as DeviceId)
    if (device === undefined) throw new MatrixError('M_UNKNOWN_DEVICE', 'The user has no such device')
    return device.device
  }
}

const NO_LIMITS = { perSecond: 0, burst: 0 }

const hashOf = (token: string): string => hash('sha256', token, 'base64url')
