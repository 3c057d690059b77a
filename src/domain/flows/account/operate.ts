import { type DeviceId, MatrixError, type UserId } from '#spec'
import { type AccountRecord, type Change, type Commit, type DeviceRecord, WriteConflict } from '#store'
import { type Accounts, userInUse } from '../../accounts/index.ts'
import type { Devices } from '../../devices/index.ts'
import type { ExternalIdentities } from '../../sign-in/index.ts'
import type { ThirdPartyIds, UnbindOutcome } from '../../threepids/index.ts'
import type { CreateAccount } from '../registration/create-account.ts'
import type { EndSessions } from '../sessions/end-sessions.ts'
import type { ChangePassword } from './change-password.ts'
import type { Deactivate } from './deactivate.ts'

/** Everything about an account that an operator is shown; no secret. */
export interface AccountDetails {
  readonly account: AccountRecord
  readonly devices: readonly DeviceRecord[]
  readonly addresses: readonly { readonly medium: string; readonly address: string }[]
  /** The ids of the providers at which the user has an identity. */
  readonly providers: readonly string[]
}

export interface OperateParts {
  readonly accounts: Accounts
  readonly devices: Devices
  readonly threepids: Pick<ThirdPartyIds, 'ofUser'>
  readonly identities: ExternalIdentities
  readonly createAccount: CreateAccount
  /** The flows of users, which have ways for an operator too. */
  readonly flows: { readonly deactivate: Deactivate; readonly password: ChangePassword; readonly sessions: EndSessions }
  readonly commit: Commit
}

/** Deeds of whoever runs the server with accounts. Nobody is asked who they are: the caller has made sure of that. */
export class Operate {
  readonly #parts: OperateParts

  constructor(parts: OperateParts) {
    this.#parts = parts
  }

  /** Finds an account by its user id or local part. Throws `M_NOT_FOUND`. */
  async find(user: string): Promise<AccountRecord> {
    const found = await this.#parts.accounts.resolve({ kind: 'user', user })
    if (found?.account === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such account')
    return found.account
  }

  list(after: number, limit: number): Promise<readonly AccountRecord[]> {
    return this.#parts.accounts.list(after, limit)
  }

  async details(account: AccountRecord): Promise<AccountDetails> {
    const { devices, threepids, identities } = this.#parts
    return {
      account,
      devices: await devices.list(account.userId),
      addresses: await threepids.ofUser(account.user),
      providers: await identities.providersOf(account.userId),
    }
  }

  /** Throws `M_INVALID_USERNAME`, `M_USER_IN_USE`, `M_WEAK_PASSWORD`, `M_INVALID_PARAM`. */
  async create(username: string, password: string, admin: boolean): Promise<UserId> {
    const { accounts, createAccount } = this.#parts
    const userId = accounts.newUserId(username)
    if ((await accounts.account(userId)) !== undefined) throw userInUse()
    await createAccount.run({ userId, passwordHash: await accounts.hashPassword(password), admin, session: undefined })
    return userId
  }

  setAdmin({ userId }: AccountRecord, admin: boolean): Promise<void> {
    return this.#change(this.#parts.accounts.setAdmin(userId, admin))
  }

  setLocked({ userId }: AccountRecord, locked: boolean): Promise<void> {
    return this.#change(this.#parts.accounts.setLocked(userId, locked))
  }

  setSuspended({ userId }: AccountRecord, suspended: boolean): Promise<void> {
    return this.#change(this.#parts.accounts.setSuspended(userId, suspended))
  }

  /** Throws `M_WEAK_PASSWORD`, `M_INVALID_PARAM`, `M_USER_DEACTIVATED`. */
  setPassword({ userId }: AccountRecord, password: string, keepSessions: boolean): Promise<void> {
    return this.#parts.flows.password.byOperator(userId, password, keepSessions)
  }

  /** Ends one session, or all. Returns the devices that are gone. Throws `M_NOT_FOUND` for a device that there is not. */
  async endSessions({ userId }: AccountRecord, deviceId: DeviceId | undefined): Promise<readonly DeviceId[]> {
    const { sessions } = this.#parts.flows
    if (deviceId === undefined) return sessions.logOutAll(userId)
    if ((await this.#parts.devices.device(userId, deviceId)) === undefined)
      throw new MatrixError('M_NOT_FOUND', 'There is no such device')
    await sessions.logOut(userId, deviceId)
    return [deviceId]
  }

  /** Does all that a deactivation by the user does. The rooms are left after the answer. */
  deactivate({ userId }: AccountRecord, erase: boolean): Promise<UnbindOutcome> {
    return this.#parts.flows.deactivate.byOperator(userId, erase)
  }

  async #change(change: Change<void>): Promise<void> {
    try {
      await this.#parts.commit([change])
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
      throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
    }
  }
}
