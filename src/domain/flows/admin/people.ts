import { type DeviceId, type JsonObject, MatrixError, parseUserId, type UserId } from '#spec'
import {
  type AccountMarks,
  type AccountRecord,
  type Change,
  type Commit,
  type DeviceRecord,
  type ExternalIdentity,
  type ThirdPartyIdRecord,
  WriteConflict,
} from '#store'
import { type Accounts, mindUserType, userInUse } from '../../accounts/index.ts'
import type { AdminActor, AuditLog } from '../../admin/index.ts'
import type { Devices } from '../../devices/index.ts'
import type { ExternalIdentities } from '../../sign-in/index.ts'
import type { ThirdPartyIds, UnbindOutcome } from '../../threepids/index.ts'
import type { ChangePassword } from '../account/change-password.ts'
import type { Deactivate } from '../account/deactivate.ts'
import type { CreateAccount } from '../registration/create-account.ts'
import type { EndSessions } from '../sessions/end-sessions.ts'

/** Everything about an account that an administrator is shown; no secret. */
export interface AccountDetails {
  readonly account: AccountRecord
  readonly devices: readonly DeviceRecord[]
  readonly addresses: readonly ThirdPartyIdRecord[]
  /** Identities of the user at providers. */
  readonly identities: readonly Pick<ExternalIdentity, 'provider' | 'subject'>[]
}

export interface NewPerson {
  readonly userId: UserId
  /** undefined: the account has none, and is signed in to by other ways. */
  readonly password: string | undefined
  readonly displayName?: string | undefined
  readonly admin?: boolean
  readonly userType?: string | undefined
}

/** The most messages a second, and at once, that an account's own limit can allow; 0 a second allows any number. */
export const MOST_MESSAGES = 1_000_000

export interface AdministerPeopleParts {
  readonly accounts: Accounts
  readonly devices: Devices
  readonly threepids: Pick<ThirdPartyIds, 'ofUser'>
  readonly identities: ExternalIdentities
  readonly createAccount: CreateAccount
  /** The flows of users, which have ways for an administrator too. */
  readonly flows: { readonly deactivate: Deactivate; readonly password: ChangePassword; readonly sessions: EndSessions }
  readonly auditLog: AuditLog
  readonly commit: Commit
}

/** Deeds of administrators with accounts, each with a note in the audit log. The caller has made sure that the actor is one. */
export class AdministerPeople {
  readonly #parts: AdministerPeopleParts

  constructor(parts: AdministerPeopleParts) {
    this.#parts = parts
  }

  /** Finds an account by its user id or local part. Throws `M_NOT_FOUND`. */
  async find(user: string): Promise<AccountRecord> {
    const found = await this.#parts.accounts.resolve({ kind: 'user', user })
    if (found?.account === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such account')
    return found.account
  }

  /** The account of a full user id. Throws `M_INVALID_PARAM` for a text that is no id of this server's users, and `M_NOT_FOUND`. */
  async account(userId: string): Promise<AccountRecord> {
    const account = await this.accountIfAny(userId)
    if (account === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such account')
    return account
  }

  /** Throws `M_INVALID_PARAM` for a text that is no id of this server's users. */
  accountIfAny(userId: string): Promise<AccountRecord | undefined> {
    return this.#parts.accounts.account(this.localId(userId))
  }

  /** Throws `M_INVALID_PARAM` for a text that is no id of this server's users. */
  localId(text: string): UserId {
    const userId = parseUserId(text)
    if (userId === undefined || !this.#parts.accounts.isOfThisServer(userId))
      throw new MatrixError('M_INVALID_PARAM', 'The user is not of this server')
    return userId
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
      identities: await identities.identitiesOf(account.userId),
    }
  }

  /** Throws `M_USER_IN_USE`, `M_WEAK_PASSWORD`, `M_INVALID_PARAM` for a type that there is not. */
  async create(actor: AdminActor, person: NewPerson): Promise<void> {
    const { accounts, createAccount } = this.#parts
    const { userId, password, displayName, admin = false, userType } = person
    mindUserType(userType)
    if ((await accounts.account(userId)) !== undefined) throw userInUse()
    await createAccount.run({
      userId,
      passwordHash: password === undefined ? undefined : await accounts.hashPassword(password),
      ...{ admin, displayName, userType },
      session: undefined,
      alongside: [this.#note(actor, 'user.create', userId, { admin, user_type: userType ?? null })],
    })
  }

  /** The id that a new account of that name gets. Throws `M_INVALID_USERNAME`. */
  newUserId(username: string): UserId {
    return this.#parts.accounts.newUserId(username)
  }

  /** Throws `M_INVALID_PARAM` where the actor would give up their own right, and `M_USER_DEACTIVATED`. */
  async setAdmin(actor: AdminActor, { userId }: AccountRecord, admin: boolean): Promise<void> {
    if (!admin) mindSelf(actor, userId)
    await this.#mark(actor, userId, { action: admin ? 'user.make_admin' : 'user.revoke_admin', marks: { admin } })
  }

  /** Throws `M_INVALID_PARAM` for the actor's own account, and `M_USER_DEACTIVATED`. */
  async setLocked(actor: AdminActor, { userId }: AccountRecord, locked: boolean): Promise<void> {
    mindSelf(actor, userId)
    const change = this.#parts.accounts.setLocked(userId, locked)
    await this.#change([change, this.#note(actor, locked ? 'user.lock' : 'user.unlock', userId)])
  }

  /** Throws `M_INVALID_PARAM` for the actor's own account, and `M_USER_DEACTIVATED`. */
  async setSuspended(actor: AdminActor, { userId }: AccountRecord, suspended: boolean): Promise<void> {
    mindSelf(actor, userId)
    const change = this.#parts.accounts.setSuspended(userId, suspended)
    await this.#change([change, this.#note(actor, suspended ? 'user.suspend' : 'user.unsuspend', userId)])
  }

  /** Throws `M_USER_DEACTIVATED`. */
  async setShadowBanned(actor: AdminActor, { userId }: AccountRecord, shadowBanned: boolean): Promise<void> {
    const action = shadowBanned ? 'user.shadow_ban' : 'user.lift_shadow_ban'
    await this.#mark(actor, userId, { action, marks: { shadowBanned } })
  }

  /** undefined: the limits of the configuration. Throws `M_USER_DEACTIVATED`. */
  async setRateLimit(
    actor: AdminActor,
    { userId }: AccountRecord,
    rateLimit: AccountMarks['rateLimit'],
  ): Promise<void> {
    const details =
      rateLimit === undefined ? {} : { messages_per_second: rateLimit.perSecond, burst_count: rateLimit.burst }
    await this.#mark(actor, userId, { action: 'user.limit', marks: { rateLimit }, details })
  }

  /** undefined: an ordinary person. Throws `M_INVALID_PARAM` for a type that there is not, and `M_USER_DEACTIVATED`. */
  async setType(actor: AdminActor, { userId }: AccountRecord, userType: string | undefined): Promise<void> {
    mindUserType(userType)
    const details = { user_type: userType ?? null }
    await this.#mark(actor, userId, { action: 'user.set_type', marks: { userType }, details })
  }

  /**
   * Time after which the account can do nothing; undefined: never. `mails`: whether its person is told beforehand, where this server sends such mails. Throws
   * `M_USER_DEACTIVATED`, and `M_INVALID_PARAM` for an end of the actor's own account.
   */
  async setExpiry(
    actor: AdminActor,
    { userId }: AccountRecord,
    expiresAtMs: number | undefined,
    mails = true,
  ): Promise<void> {
    if (expiresAtMs !== undefined) mindSelf(actor, userId)
    const change = this.#parts.accounts.endAt(userId, expiresAtMs, mails)
    await this.#change([change, this.#note(actor, 'user.set_expiry', userId, { expiration_ts: expiresAtMs ?? null })])
  }

  /** Throws `M_WEAK_PASSWORD`, `M_INVALID_PARAM`, `M_USER_DEACTIVATED`. */
  async setPassword(
    actor: AdminActor,
    { userId }: AccountRecord,
    password: string,
    keepSessions: boolean,
  ): Promise<void> {
    const note = this.#note(actor, 'user.set_password', userId, { sessions_ended: !keepSessions })
    await this.#parts.flows.password.byOperator(userId, password, keepSessions, [note])
  }

  /** Ends one session, or all. Returns the devices that are gone. Throws `M_NOT_FOUND` for a device that there is not. */
  async endSessions(
    actor: AdminActor,
    { userId }: AccountRecord,
    deviceId: DeviceId | undefined,
  ): Promise<readonly DeviceId[]> {
    const { sessions } = this.#parts.flows
    if (deviceId === undefined) return sessions.logOutAll(userId, [this.#note(actor, 'user.end_sessions', userId)])
    if ((await this.#parts.devices.device(userId, deviceId)) === undefined)
      throw new MatrixError('M_NOT_FOUND', 'There is no such device')
    await this.removeDevices(actor, userId, [deviceId])
    return [deviceId]
  }

  /** Unknown devices are passed over. */
  async removeDevices(actor: AdminActor, userId: UserId, deviceIds: readonly DeviceId[]): Promise<void> {
    const note = this.#note(actor, 'user.remove_devices', userId, { devices: deviceIds })
    await this.#parts.flows.sessions.removeDevices(userId, deviceIds, [note])
  }

  /** Makes a device without a session; one that is there stays. Throws `M_USER_LIMIT_EXCEEDED`. */
  async makeDevice(actor: AdminActor, userId: UserId, deviceId: DeviceId): Promise<void> {
    const made = await this.#parts.devices.makeOrRename(userId, deviceId, undefined)
    if (made) await this.#record(actor, 'user.make_device', userId, { device_id: deviceId })
  }

  /** Throws `M_NOT_FOUND`, and `M_TOO_LARGE` (400) for a long name. */
  async renameDevice(actor: AdminActor, userId: UserId, deviceId: DeviceId, displayName: string): Promise<void> {
    await this.#parts.devices.rename(userId, deviceId, displayName)
    await this.#record(actor, 'user.rename_device', userId, { device_id: deviceId })
  }

  /** Does all that a deactivation by the user does. The rooms are left after the answer. */
  deactivate(actor: AdminActor, { userId }: AccountRecord, erase: boolean): Promise<UnbindOutcome> {
    return this.#parts.flows.deactivate.byOperator(userId, erase, [
      this.#note(actor, 'user.deactivate', userId, { erase }),
    ])
  }

  /**
   * Opens a deactivated account again, with the name alone: what it had is gone. Throws `M_INVALID_PARAM` for one that is not deactivated, or is still
   * leaving its rooms, and `M_WEAK_PASSWORD`.
   */
  async reactivate(actor: AdminActor, { userId }: AccountRecord, password: string | undefined): Promise<void> {
    const { accounts, commit } = this.#parts
    const passwordHash = password === undefined ? undefined : await accounts.hashPassword(password)
    try {
      await commit([accounts.reactivate(userId, passwordHash), this.#note(actor, 'user.reactivate', userId)])
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
      throw new MatrixError(
        'M_INVALID_PARAM',
        error.kind === 'still-leaving'
          ? 'The account is still leaving its rooms: try again in a while'
          : 'The account is not deactivated',
      )
    }
  }

  async #mark(
    actor: AdminActor,
    userId: UserId,
    { action, marks, details }: { action: string; marks: AccountMarks; details?: JsonObject },
  ): Promise<void> {
    await this.#change([this.#parts.accounts.mark(userId, marks), this.#note(actor, action, userId, details)])
  }

  #note(actor: AdminActor, action: string, subject: UserId, details: JsonObject = {}): Change<void> {
    return this.#parts.auditLog.note({ ...actor, action, subject, details })
  }

  async #record(actor: AdminActor, action: string, subject: UserId, details: JsonObject): Promise<void> {
    await this.#parts.auditLog.record({ ...actor, action, subject, details })
  }

  async #change(changes: readonly Change<void>[]): Promise<void> {
    try {
      await this.#parts.commit(changes)
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
      throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
    }
  }
}

/** Nobody shuts themselves out by a slip. */
const mindSelf = ({ by }: AdminActor, userId: UserId): void => {
  if (by === userId) throw new MatrixError('M_INVALID_PARAM', 'Nobody can do this with their own account')
}
