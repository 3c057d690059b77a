import type { Random } from '#base'
import { type JsonObject, MatrixError, type ServerName, stringAt, type UserId } from '#spec'
import type { Change } from '#store'
import { type Accounts, type RegistrationTokens, type ReservedNames, userInUse } from '../../accounts/index.ts'
import { type Devices, parseDeviceId } from '../../devices/index.ts'
import type { Granted, InteractiveAuth, StageOffer, UiaAnswer } from '../../uia/index.ts'
import type { LogIn } from '../sessions/log-in.ts'
import { identityIn } from '../stages/identity-stages.ts'
import type { BindEmail } from './bind-email.ts'
import type { CreateAccount } from './create-account.ts'
import type { Guest, UpgradeGuest } from './upgrade-guest.ts'

export interface RegisterOptions {
  readonly serverName: ServerName
  readonly random: Random
  /** open: anyone; token: who has a registration token; closed: nobody by this way. */
  readonly mode: 'open' | 'token' | 'closed'
  readonly allowGuests: boolean
  readonly reservedNames: ReservedNames
  /** The ways to prove that one may register. */
  readonly offer: StageOffer
  /** What the facts of passed stages mean for the new account, in its own commit: a token is counted, an address bound. */
  outcomeOf(facts: Granted['facts'], userId: UserId): readonly Change<unknown>[]
  /** For `bind_email`. */
  readonly bindEmail: Pick<BindEmail, 'run'>
}

export interface RegisterRequest {
  /** The members of the request that count, without `auth`: see `REGISTRATION_MEMBERS`. */
  readonly body: JsonObject
  readonly auth: JsonObject | undefined
  readonly from: { readonly ip: string; readonly userAgent: string | undefined }
  /** See `StageOffer`. */
  readonly anyOrder?: boolean
}

/** A registration whose stages say what the account is to be. */
export interface StagedRegistration {
  readonly operation: string
  readonly offer: StageOffer
  /** The members of a registration, found in what the stages found out. */
  membersIn(facts: Granted['facts']): JsonObject
}

export const REGISTRATION_MEMBERS = [
  'username',
  'password',
  'device_id',
  'initial_device_display_name',
  'inhibit_login',
  'refresh_token',
  'guest_access_token',
  'bind_email',
] as const

const NAME_ATTEMPTS = 4

/** `POST /register`. Client-server API, "Account registration". */
export class Register {
  readonly #accounts: Accounts
  readonly #tokens: RegistrationTokens
  readonly #devices: Devices
  readonly #createAccount: CreateAccount
  readonly #upgradeGuest: UpgradeGuest
  readonly #logIn: LogIn
  readonly #uia: InteractiveAuth
  readonly #options: RegisterOptions

  constructor(
    domain: { readonly accounts: Accounts; readonly tokens: RegistrationTokens; readonly devices: Devices },
    creation: { readonly createAccount: CreateAccount; readonly upgradeGuest: UpgradeGuest },
    logIn: LogIn,
    uia: InteractiveAuth,
    options: RegisterOptions,
  ) {
    this.#accounts = domain.accounts
    this.#tokens = domain.tokens
    this.#devices = domain.devices
    this.#createAccount = creation.createAccount
    this.#upgradeGuest = creation.upgradeGuest
    this.#logIn = logIn
    this.#uia = uia
    this.#options = options
  }

  /**
   * Throws `M_FORBIDDEN` where registration is closed, `M_INVALID_USERNAME`, `M_USER_IN_USE`, `M_EXCLUSIVE`, and what is wrong with the
   * password; before authentication, and after it where things changed meanwhile.
   */
  user(request: RegisterRequest): Promise<UiaAnswer<JsonObject>> {
    this.#assertOpen()
    return this.#uia.run(
      {
        operation: 'POST /register',
        requester: undefined,
        ...this.#options.offer,
        anyOrder: request.anyOrder === true,
        auth: request.auth,
        ip: request.from.ip,
        body: request.body,
      },
      {
        check: (body, remembered) => this.#check(body, remembered, request.from),
        perform: (granted) => this.#perform(granted, request),
      },
    )
  }

  /** Whether anybody may register by this way. */
  get isOpen(): boolean {
    return this.#options.mode !== 'closed'
  }

  /** The same where stages say what the account is to be. Throws what `user` throws. */
  byStages(
    auth: JsonObject,
    from: RegisterRequest['from'],
    staged: StagedRegistration,
  ): Promise<UiaAnswer<JsonObject>> {
    this.#assertOpen()
    return this.#uia.run(
      { operation: staged.operation, requester: undefined, ...staged.offer, auth, ip: from.ip, body: {} },
      {
        perform: (granted) => {
          const body = staged.membersIn(granted.facts)
          return this.#perform({ ...granted, body }, { body, auth, from })
        },
      },
    )
  }

  /** Whether an account may be had with these members. Throws what `user` throws before any authentication. */
  assertAcceptable(body: JsonObject, from: RegisterRequest['from']): Promise<void> {
    this.#assertOpen()
    return this.#check(body, undefined, from)
  }

  /** Guests have no name of their own choice, no password, and a device that the server picks. */
  async guest(displayName: string | undefined, from: RegisterRequest['from']): Promise<JsonObject> {
    if (!this.#options.allowGuests) throw new MatrixError('M_FORBIDDEN', 'This server gives out no guest accounts')
    return this.#withFreeName(async (userId) => {
      const session = { deviceId: undefined, displayName, refreshable: false, from }
      const answer = await this.#createAccount.run({ userId, passwordHash: undefined, guest: true, session })
      return { user_id: userId, home_server: this.#options.serverName, ...answer }
    })
  }

  /** Throws `M_INVALID_USERNAME`, `M_USER_IN_USE`, `M_EXCLUSIVE`; `M_FORBIDDEN` where registration is closed. */
  async assertAvailable(username: string): Promise<void> {
    this.#assertOpen()
    const userId = this.#accounts.newUserId(username)
    await this.#accounts.assertFree(userId)
    this.#options.reservedNames.assertUnreserved(userId)
  }

  /** Whether a registration token would be taken now. Throws `M_FORBIDDEN` where none ever is. */
  async isTokenValid(token: string): Promise<boolean> {
    this.#assertOpen()
    return this.#tokens.isValid(token)
  }

  #assertOpen(): void {
    if (!this.isOpen) throw new MatrixError('M_FORBIDDEN', 'Registration is closed on this server')
  }

  async #check(body: JsonObject, remembered: JsonObject | undefined, from: RegisterRequest['from']): Promise<void> {
    const username = stringAt(body, 'username')
    if (username !== undefined) {
      const userId = this.#accounts.newUserId(username)
      if (remembered === undefined && (await this.#guestOf(userId, body, from)) === undefined) {
        await this.#accounts.assertFree(userId)
        this.#options.reservedNames.assertUnreserved(userId)
      }
    }
    const password = stringAt(body, 'password')
    if (password !== undefined) this.#accounts.assertAcceptablePassword(password)
    const deviceId = stringAt(body, 'device_id')
    if (deviceId !== undefined) parseDeviceId(deviceId)
  }

  async #perform(granted: Granted, request: RegisterRequest): Promise<JsonObject> {
    const { body } = granted
    const done = granted.remembered === undefined ? undefined : stringAt(granted.remembered, 'user_id')
    if (done !== undefined) return this.#again(granted, done as UserId, request)

    const password = stringAt(body, 'password')
    // Who signs in at a provider needs none here.
    if (password === undefined && identityIn(granted.facts) === undefined) {
      throw new MatrixError('M_MISSING_PARAM', 'password is missing')
    }
    const passwordHash = password === undefined ? undefined : await this.#accounts.hashPassword(password)
    const create = async (userId: UserId): Promise<JsonObject> => {
      const session = body.inhibit_login === true ? undefined : sessionOf(body, request)
      const alongside = this.#options.outcomeOf(granted.facts, userId)
      const guest = await this.#guestOf(userId, body, request.from)
      const answer =
        guest === undefined || passwordHash === undefined
          ? await this.#createAccount.run({ userId, passwordHash, session, alongside })
          : await this.#upgradeGuest.run({ userId, guest, passwordHash, session, alongside })
      // With the device, so that asking again does not make a second one.
      granted.remember({ user_id: userId, ...(answer === undefined ? {} : { device_id: answer.device_id }) })
      if (body.bind_email === true) await this.#options.bindEmail.run(userId, granted.facts)
      return { user_id: userId, home_server: this.#options.serverName, ...answer }
    }
    const username = stringAt(body, 'username')
    return username === undefined ? this.#withFreeName(create) : create(this.#accounts.newUserId(username))
  }

  /** The guest who is to become a full account: with a token of their own, and no other name than theirs. */
  async #guestOf(userId: UserId, body: JsonObject, from: RegisterRequest['from']): Promise<Guest | undefined> {
    const token = stringAt(body, 'guest_access_token')
    if (token === undefined || (await this.#accounts.account(userId)) === undefined) return undefined
    return this.#upgradeGuest.guestOf(userId, token, from)
  }

  /** The account is there, but the client did not hear of it: it gets new tokens for the same device. */
  async #again(granted: Granted, userId: UserId, request: RegisterRequest): Promise<JsonObject> {
    const { remembered = {}, body } = granted
    granted.remember(remembered)
    const deviceId = stringAt(remembered, 'device_id')
    const identity = { user_id: userId, home_server: this.#options.serverName }
    if (deviceId === undefined) return identity
    // Logged out, so they had the answer: whoever knows the session's id shall have no more of it.
    if ((await this.#devices.device(userId, parseDeviceId(deviceId))) === undefined) {
      granted.remember({ user_id: userId })
      throw new MatrixError('M_FORBIDDEN', 'The device of this registration was logged out')
    }
    const answer = await this.#logIn.start({
      ...sessionOf(body, request),
      userId,
      deviceId: parseDeviceId(deviceId),
    })
    return { ...identity, ...answer }
  }

  async #withFreeName(create: (userId: UserId) => Promise<JsonObject>): Promise<JsonObject> {
    for (let left = NAME_ATTEMPTS; left > 0; left--) {
      try {
        const userId = this.#accounts.newUserId(this.#options.random.letters(12))
        if (!this.#options.reservedNames.includes(userId)) return await create(userId)
      } catch (error) {
        if (!(error instanceof MatrixError) || error.errcode !== 'M_USER_IN_USE') throw error
      }
    }
    throw userInUse()
  }
}

const sessionOf = (body: JsonObject, request: RegisterRequest) => {
  const deviceId = stringAt(body, 'device_id')
  return {
    deviceId: deviceId === undefined ? undefined : parseDeviceId(deviceId),
    displayName: stringAt(body, 'initial_device_display_name'),
    refreshable: body.refresh_token === true,
    from: request.from,
  }
}
