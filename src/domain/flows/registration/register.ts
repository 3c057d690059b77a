import { type JsonObject, stringAt } from '#spec'
import type { Accounts } from '../../accounts/index.ts'
import { parseDeviceId, type SessionRequest } from '../../devices/index.ts'
import type { Granted, InteractiveAuth, StageOffer, UiaAnswer } from '../../uia/index.ts'
import type { CompleteRegistration } from './complete-registration.ts'
import type { NewUserIds } from './new-user-ids.ts'
import type { RegistrationPolicy } from './registration-policy.ts'
import type { UpgradeGuest } from './upgrade-guest.ts'

export interface RegisterParts {
  readonly policy: RegistrationPolicy
  readonly accounts: Accounts
  readonly newUserIds: NewUserIds
  readonly upgradeGuest: Pick<UpgradeGuest, 'guestIn'>
  readonly uia: InteractiveAuth
  /** The ways to prove that one may register. */
  readonly offer: StageOffer
  readonly completion: Pick<CompleteRegistration, 'run'>
}

export interface RegisterRequest {
  /** The members of the request that count, without `auth`: see `REGISTRATION_MEMBERS`. */
  readonly body: JsonObject
  readonly auth: JsonObject | undefined
  readonly from: SessionRequest['from']
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

/** The operation of its sessions. */
export const REGISTRATION = 'POST /register'

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

/** `POST /register`. Client-server API, "Account registration". */
export class Register {
  readonly #parts: RegisterParts

  constructor(parts: RegisterParts) {
    this.#parts = parts
  }

  /**
   * Throws `M_FORBIDDEN` where registration is closed, `M_INVALID_USERNAME`, `M_USER_IN_USE`, `M_EXCLUSIVE`, and what is wrong with the
   * password; before authentication, and after it where things changed meanwhile.
   */
  user({ body, auth, from, anyOrder = false }: RegisterRequest): Promise<UiaAnswer<JsonObject>> {
    const { policy, uia, offer, completion } = this.#parts
    policy.assertOpen()
    return uia.run(
      { operation: REGISTRATION, requester: undefined, ...offer, anyOrder, auth, ip: from.ip, body },
      {
        check: (counting, remembered) => this.#check(counting, remembered, from),
        perform: (granted) => completion.run(granted, from),
      },
    )
  }

  /** The same where stages say what the account is to be. Throws what `user` throws. */
  byStages(auth: JsonObject, from: SessionRequest['from'], staged: StagedRegistration): Promise<UiaAnswer<JsonObject>> {
    const { policy, uia, completion } = this.#parts
    policy.assertOpen()
    return uia.run(
      { operation: staged.operation, requester: undefined, ...staged.offer, auth, ip: from.ip, body: {} },
      { perform: (granted) => completion.run({ ...granted, body: staged.membersIn(granted.facts) }, from) },
    )
  }

  /** Whether an account may be had with these members. Throws what `user` throws before any authentication. */
  assertAcceptable(body: JsonObject, from: SessionRequest['from']): Promise<void> {
    this.#parts.policy.assertOpen()
    return this.#check(body, undefined, from)
  }

  async #check(body: JsonObject, remembered: JsonObject | undefined, from: SessionRequest['from']): Promise<void> {
    const { accounts, newUserIds, upgradeGuest } = this.#parts
    const username = stringAt(body, 'username')
    if (username !== undefined) {
      const userId = accounts.newUserId(username)
      if (remembered === undefined && (await upgradeGuest.guestIn(userId, body, from)) === undefined) {
        await newUserIds.available(username)
      }
    }
    const password = stringAt(body, 'password')
    if (password !== undefined) accounts.assertAcceptablePassword(password)
    const deviceId = stringAt(body, 'device_id')
    if (deviceId !== undefined) parseDeviceId(deviceId)
  }
}
