import { type JsonObject, MatrixError, stringAt, type UserId } from '#spec'
import { type Commit, WriteConflict } from '#store'
import type { Accounts } from '../../accounts/index.ts'
import type { Devices } from '../../devices/index.ts'
import type { Granted, InteractiveAuth, UiaAnswer } from '../../uia/index.ts'
import type { DeviceTraces } from '../sessions/end-sessions.ts'
import { type EmailProof, notAdded } from '../stages/email-proof.ts'
import { confirmedUser, type Reauthentication } from '../stages/reauthentication.ts'

export interface ChangePasswordRequest {
  /** Where the request bears an access token; otherwise the password, or the address, says whose account it is. */
  readonly requester: { readonly userId: UserId; readonly device: number | undefined } | undefined
  /** `new_password`, `logout_devices`. */
  readonly body: JsonObject
  readonly auth: JsonObject | undefined
}

/** `POST /account/password`. Client-server API, "Password management". */
export class ChangePassword {
  readonly #accounts: Accounts
  readonly #devices: Devices
  readonly #reauthentication: Reauthentication
  readonly #uia: InteractiveAuth
  readonly #traces: DeviceTraces
  readonly #proof: EmailProof
  readonly #commit: Commit

  constructor(
    domain: { readonly accounts: Accounts; readonly devices: Devices; readonly reauthentication: Reauthentication },
    uia: InteractiveAuth,
    traces: DeviceTraces,
    proof: EmailProof,
    commit: Commit,
  ) {
    this.#accounts = domain.accounts
    this.#devices = domain.devices
    this.#reauthentication = domain.reauthentication
    this.#uia = uia
    this.#traces = traces
    this.#proof = proof
    this.#commit = commit
  }

  /** Throws `M_MISSING_PARAM`, `M_WEAK_PASSWORD`, `M_INVALID_PARAM`; `M_NOT_FOUND` for an address that no account has. */
  async run(request: ChangePasswordRequest): Promise<UiaAnswer<void>> {
    return this.#uia.run(
      {
        operation: 'POST /account/password',
        requester: request.requester?.userId,
        ...this.#proof.alsoFor(await this.#reauthentication.offerFor(request.requester?.userId)),
        auth: request.auth,
        body: request.body,
      },
      {
        check: async (body) => {
          const password = stringAt(body, 'new_password')
          if (password !== undefined) this.#accounts.assertAcceptablePassword(password)
        },
        perform: (granted) => this.#perform(granted, request),
      },
    )
  }

  async #perform({ body, facts }: Granted, request: ChangePasswordRequest): Promise<void> {
    const byEmail = await this.#proof.confirmedBy(facts, request.requester?.userId)
    const userId = byEmail?.userId ?? confirmedUser(facts)
    const usedUp = [...(byEmail?.changes ?? []), ...this.#proof.withdrawn(userId)]
    const password = stringAt(body, 'new_password')
    if (password === undefined) throw new MatrixError('M_MISSING_PARAM', 'new_password is missing')
    const change = this.#accounts.setPassword(userId, await this.#accounts.hashPassword(password))
    try {
      if (body.logout_devices === false) {
        await this.#commit([change, ...usedUp])
        this.#uia.endAllOf(userId)
        return
      }
      const [, removed] = await this.#commit([
        change,
        this.#devices.removeAll(userId, request.requester?.device),
        this.#traces.orphansOf(userId),
        ...usedUp,
      ])
      this.#devices.removed(removed)
      this.#uia.endAllOf(userId)
    } catch (error) {
      if (!(error instanceof WriteConflict) || error.kind === 'validation-gone') throw notAdded(error)
      throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
    }
  }
}
