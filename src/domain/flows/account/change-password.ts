import { type JsonObject, MatrixError, stringAt, type UserId } from '#spec'
import { type Change, type Commit, WriteConflict } from '#store'
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

interface NewPassword {
  readonly endsSessions: boolean
  /** The device whose session goes on. */
  readonly except: number | undefined
  /** Changes by which the proof of who asks is used up. */
  readonly usedUp: readonly Change<void>[]
}

export interface ChangePasswordParts {
  readonly accounts: Accounts
  readonly devices: Devices
  readonly reauthentication: Reauthentication
  readonly uia: InteractiveAuth
  readonly traces: DeviceTraces
  readonly proof: EmailProof
  /** The name of whoever keeps the user's password, if it is not this server. */
  keeperOf(userId: UserId): Promise<string | undefined>
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

  /**
   * For an operator, who has authenticated elsewhere; `also` goes into the same commit. Throws `M_WEAK_PASSWORD`, `M_INVALID_PARAM`,
   * `M_USER_DEACTIVATED`.
   */
  async byOperator(
    userId: UserId,
    password: string,
    keepSessions: boolean,
    also: readonly Change<void>[] = [],
  ): Promise<void> {
    await this.#change(userId, password, { endsSessions: !keepSessions, except: undefined, usedUp: also })
  }

  /** For somebody who has proved who they are on a page of their account. Throws what `byOperator` throws. */
  async byOwner(userId: UserId, password: string, endsSessions: boolean): Promise<void> {
    await this.#assertKeptHere(userId)
    await this.#change(userId, password, { endsSessions, except: undefined, usedUp: [] })
  }

  async #perform({ body, facts }: Granted, request: ChangePasswordRequest): Promise<void> {
    const byEmail = await this.#parts.proof.confirmedBy(facts, request.requester?.userId)
    const userId = byEmail?.userId ?? confirmedUser(facts)
    const password = stringAt(body, 'new_password')
    if (password === undefined) throw new MatrixError('M_MISSING_PARAM', 'new_password is missing')
    await this.#parts.accounts.assertUnlocked(userId)
    await this.#assertKeptHere(userId)
    await this.#change(userId, password, {
      endsSessions: body.logout_devices !== false,
      except: request.requester?.device,
      usedUp: byEmail?.changes ?? [],
    })
  }

  /** Somebody who left a directory would come in by a password of their own. Throws `M_FORBIDDEN`. */
  async #assertKeptHere(userId: UserId): Promise<void> {
    const keeper = await this.#parts.keeperOf(userId)
    if (keeper !== undefined) throw new MatrixError('M_FORBIDDEN', `${keeper} keeps your password: change it there`)
  }

  async #change(userId: UserId, password: string, { endsSessions, except, usedUp }: NewPassword): Promise<void> {
    const { accounts, devices, traces, proof, uia, commit } = this.#parts
    const ended = endsSessions
      ? [devices.removeAll(userId, except), ...traces.orphansOf(userId), ...traces.endingWithAllOf(userId)]
      : []
    const change = accounts.setPassword(userId, await accounts.hashPassword(password))
    try {
      await commit([change, ...ended, ...usedUp, ...proof.withdrawn(userId), uia.endingAllOf(userId)])
    } catch (error) {
      if (!(error instanceof WriteConflict) || error.kind === 'validation-gone') throw notAdded(error)
      throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
    }
  }
}
