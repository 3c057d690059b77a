import { type JsonObject, MatrixError, type ServerName, stringAt, type UserId } from '#spec'
import type { Change } from '#store'
import type { Accounts } from '../../accounts/index.ts'
import { type Devices, parseDeviceId, type SessionRequest } from '../../devices/index.ts'
import type { Granted } from '../../uia/index.ts'
import type { LogIn } from '../sessions/log-in.ts'
import { provenIn } from '../stages/email-proof.ts'
import { identityIn } from '../stages/identity-stages.ts'
import type { Admission } from './admission.ts'
import type { CreateAccount } from './create-account.ts'
import type { NewUserIds } from './new-user-ids.ts'
import type { UpgradeGuest } from './upgrade-guest.ts'

/** Turns what the passed stages found out (`facts`) into changes of the new account. */
export interface RegistrationOutcome {
  /** Changes in the commit of the account: a token is counted, an address added, an identity linked. */
  changesFor(facts: Granted['facts'], userId: UserId): readonly Change<unknown>[]
  /** `bind_email`, after the account is made. Whatever the identity server answers is no error; only a store that fails throws. */
  bindEmail(userId: UserId, facts: Granted['facts']): Promise<void>
  readonly admission: Admission
}

export interface CompleteRegistrationParts {
  readonly accounts: Accounts
  readonly devices: Devices
  readonly newUserIds: NewUserIds
  readonly createAccount: CreateAccount
  readonly upgradeGuest: UpgradeGuest
  readonly logIn: LogIn
  readonly outcome: RegistrationOutcome
  readonly serverName: ServerName
}

/**
 * Makes the account when all stages are passed. The authentication session remembers the account, so a client that did not get the answer
 * may repeat its request: it gets new tokens for the same device, until that device is logged out.
 */
export class CompleteRegistration {
  readonly #parts: CompleteRegistrationParts

  constructor(parts: CompleteRegistrationParts) {
    this.#parts = parts
  }

  /** Throws `M_MISSING_PARAM` without a password, the error of MSC3866 where the account has to be approved, and what `Admission.admit`, `CreateAccount.run` and `UpgradeGuest.run` throw. */
  async run(granted: Granted, from: SessionRequest['from']): Promise<JsonObject> {
    const { accounts, newUserIds, serverName, outcome } = this.#parts
    const { admission } = outcome
    const { body } = granted
    const done = granted.remembered === undefined ? undefined : stringAt(granted.remembered, 'user_id')
    if (done !== undefined) return this.#again(granted, done as UserId, from)

    const password = stringAt(body, 'password')
    // People who registered by signing in at a provider need no password.
    if (password === undefined && identityIn(granted.facts) === undefined) {
      throw new MatrixError('M_MISSING_PARAM', 'password is missing')
    }
    // The hash is expensive. `Register` has checked the name before, so only for a name that was taken meanwhile is it made in vain.
    const passwordHash = password === undefined ? undefined : await accounts.hashPassword(password)
    const create = async (userId: UserId): Promise<JsonObject> => {
      const answer = await this.#create(userId, passwordHash, granted, from)
      // The device is remembered, so that a repeated request does not make a second one. There is none with `inhibit_login`.
      granted.remember({ user_id: userId, ...(answer === undefined ? {} : { device_id: answer.device_id }) })
      // If this throws, the account stands: the repeated request answers for it without binding, and the client may use `3pid/bind`.
      if (body.bind_email === true) await this.#parts.outcome.bindEmail(userId, granted.facts)
      if (admission.approval) throw await admission.waits(userId)
      return { user_id: userId, home_server: serverName, ...answer }
    }
    const username = stringAt(body, 'username')
    return username === undefined ? newUserIds.withRandom(create) : create(accounts.newUserId(username))
  }

  async #create(
    userId: UserId,
    passwordHash: string | undefined,
    { body, facts }: Granted,
    from: SessionRequest['from'],
  ) {
    const { createAccount, upgradeGuest, outcome } = this.#parts
    const session = body.inhibit_login === true ? undefined : sessionOf(body, from)
    const alongside = outcome.changesFor(facts, userId)
    const guest = await upgradeGuest.guestIn(userId, body, from)
    const { admission } = outcome
    // A guest's device would go on while the account waits.
    if (guest !== undefined && admission.approval)
      throw new MatrixError('M_FORBIDDEN', 'Accounts have to be approved on this server, so guests make a new one')
    await admission.admit({ userId, address: provenIn(facts)?.address, from, way: 'registration' })
    return guest === undefined || passwordHash === undefined
      ? createAccount.run({ userId, passwordHash, session, alongside, awaitsApproval: admission.approval })
      : upgradeGuest.run({ userId, guest, passwordHash, session, alongside })
  }

  /** Answers a client that did not get the answer for its account: new tokens for the same device. */
  async #again(granted: Granted, userId: UserId, from: SessionRequest['from']): Promise<JsonObject> {
    const { accounts, devices, logIn, serverName, outcome } = this.#parts
    const { remembered = {}, body } = granted
    granted.remember(remembered)
    const deviceId = stringAt(remembered, 'device_id')
    if ((await accounts.account(userId))?.awaitsApproval === true) throw await outcome.admission.waiting(userId)
    const identity = { user_id: userId, home_server: serverName }
    if (deviceId === undefined) return identity
    // After a logout, whoever knows the session's id must get no more tokens, also where the same device id has logged in again.
    const isOver = remembered.logged_out === true
    if (isOver || (await devices.device(userId, parseDeviceId(deviceId))) === undefined) {
      granted.remember({ ...remembered, logged_out: true })
      throw new MatrixError('M_FORBIDDEN', 'The device of this registration was logged out')
    }
    const answer = await logIn.start({ ...sessionOf(body, from), userId, deviceId: parseDeviceId(deviceId) })
    return { ...identity, ...answer }
  }
}

const sessionOf = (body: JsonObject, from: SessionRequest['from']) => {
  const deviceId = stringAt(body, 'device_id')
  return {
    deviceId: deviceId === undefined ? undefined : parseDeviceId(deviceId),
    displayName: stringAt(body, 'initial_device_display_name'),
    refreshable: body.refresh_token === true,
    from,
  }
}
