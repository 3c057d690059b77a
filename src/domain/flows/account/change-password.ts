import { type JsonObject, MatrixError, stringAt, type UserId } from '#spec'
import { type Commit, WriteConflict } from '#store'
import type { Accounts } from '../../accounts/index.ts'
import type { Devices } from '../../devices/index.ts'
import type { Granted, InteractiveAuth, UiaAnswer } from '../../uia/index.ts'
import type { DeviceTraces } from '../sessions/end-sessions.ts'
import { type EmailProof, notAdded } from '../stages/email-proof.ts'
import { confirmedUser, type Reauthentication } from '../stages/reauthentication.ts'

export interface ChangePasswordRequest {
  /** The owner of the request's access token, if it has one; otherwise the password or the address identifies the account. */
  readonly requester: { readonly userId: UserId; readonly device: number | undefined } | undefined
  /** `new_password`, `logout_devices`. */
  readonly body: JsonObject
  readonly auth: JsonObject | undefined
}

export interface ChangePasswordParts {
  readonly accounts: Accounts
  readonly devices: Devices
  readonly reauthentication: Reauthentication
  readonly uia: InteractiveAuth
  readonly traces: DeviceTraces
  readonly proof: EmailProof
  readonly commit: Commit
}

/** `POST /account/password`. Client-server API, "Password management". */
export class ChangePassword {
  readonly #parts: ChangePasswordParts

  constructor(parts: ChangePasswordParts) {
    this.#parts = parts
  }

  /** Changes the password. Throws `M_MISSING_PARAM`, `M_WEAK_PASSWORD`, `M_INVALID_PARAM`; `M_NOT_FOUND` for an address that no account has. */
  async run(request: ChangePasswordRequest): Promise<UiaAnswer<void>> {
    return this.#parts.uia.run(
      {
        operation: 'POST /account/password',
        requester: request.requester?.userId,
        ...this.#parts.proof.alsoFor(await this.#parts.reauthentication.offerFor(request.requester?.userId)),
        auth: request.auth,
        body: request.body,
      },
      {
        check: async (body) => {
          const password = stringAt(body, 'new_password')
          if (password !== undefined) this.#parts.accounts.assertAcceptablePassword(password)
        },
        perform: (granted) => this.#perform(granted, request),
      },
    )
  }

  async #perform({ body, facts }: Granted, request: ChangePasswordRequest): Promise<void> {
    const byEmail = await this.#parts.proof.confirmedBy(facts, request.requester?.userId)
    const userId = byEmail?.userId ?? confirmedUser(facts)
    const usedUp = [
      ...(byEmail?.changes ?? []),
      ...this.#parts.proof.withdrawn(userId),
      this.#parts.uia.endingAllOf(userId),
    ]
    const password = stringAt(body, 'new_password')
    if (password === undefined) throw new MatrixError('M_MISSING_PARAM', 'new_password is missing')
    const change = this.#parts.accounts.setPassword(userId, await this.#parts.accounts.hashPassword(password))
    try {
      if (body.logout_devices === false) {
        await this.#parts.commit([change, ...usedUp])
        return
      }
      await this.#parts.commit([
        change,
        this.#parts.devices.removeAll(userId, request.requester?.device),
        ...this.#parts.traces.orphansOf(userId),
        ...usedUp,
      ])
    } catch (error) {
      if (!(error instanceof WriteConflict) || error.kind === 'validation-gone') throw notAdded(error)
      throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
    }
  }
}
