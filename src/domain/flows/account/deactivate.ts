import type { Logger } from '#base'
import { type JsonObject, MatrixError, stringAt, type UserId } from '#spec'
import type { AccountRecord, Change, Commit } from '#store'
import type { Accounts } from '../../accounts/index.ts'
import type { Devices } from '../../devices/index.ts'
import type { UnbindOutcome } from '../../threepids/index.ts'
import type { Granted, InteractiveAuth, UiaAnswer } from '../../uia/index.ts'
import { type EmailProof, notAdded } from '../stages/email-proof.ts'
import { confirmedUser, type Reauthentication } from '../stages/reauthentication.ts'

/** Data of a user that other folders keep, and that ends with the account. */
export interface AccountTraces {
  /** In the same commit. */
  changesFor(account: AccountRecord): readonly Change<unknown>[]
  /** Unbinds the user's addresses at the named identity server, or at all that were told of them. */
  unbind(account: AccountRecord, idServer: string | undefined): Promise<UnbindOutcome>
  /** Leaves every room, and declines invites. May be called again for the same user. */
  leaveAllRooms(userId: UserId): Promise<void>
}

interface Deactivation {
  readonly erase: boolean
  /** undefined: all identity servers that were told. */
  readonly idServer: string | undefined
  /** Changes by which the proof of who asks is used up. */
  readonly usedUp: readonly Change<void>[]
}

const RESUMED_AT_ONCE = 1_000

export interface DeactivateParts {
  readonly accounts: Accounts
  readonly devices: Devices
  readonly proof: EmailProof
  readonly reauthentication: Reauthentication
  readonly uia: InteractiveAuth
  readonly traces: AccountTraces
  readonly commit: Commit
  readonly logger: Logger
}

/** `POST /account/deactivate`. Client-server API, "Account deactivation". */
export class Deactivate {
  readonly #parts: DeactivateParts
  #leaving: Promise<void> = Promise.resolve()

  constructor(parts: DeactivateParts) {
    this.#parts = parts
  }

  /** Deactivates the account. Returns whether all identity servers forgot the user's addresses. */
  async run(
    requester: UserId | undefined,
    body: JsonObject,
    auth: JsonObject | undefined,
  ): Promise<UiaAnswer<UnbindOutcome>> {
    return this.#parts.uia.run(
      {
        operation: 'POST /account/deactivate',
        requester,
        ...this.#parts.proof.alsoFor(await this.#parts.reauthentication.offerFor(requester)),
        auth,
        body,
      },
      { perform: (granted) => this.#perform(granted, requester) },
    )
  }

  /** For an operator, who has authenticated elsewhere; `also` goes into the same commit. Throws `M_NOT_FOUND`. */
  async byOperator(userId: UserId, erase: boolean, also: readonly Change<void>[] = []): Promise<UnbindOutcome> {
    return this.#deactivate(userId, { erase, idServer: undefined, usedUp: also })
  }

  /** For somebody who has proved who they are on a page of their account. */
  async byOwner(userId: UserId, erase: boolean): Promise<UnbindOutcome> {
    await this.#parts.accounts.assertUnlocked(userId)
    return this.#deactivate(userId, { erase, idServer: undefined, usedUp: [] })
  }

  /** Continues deactivations that a stop of the server interrupted before the last room was left. */
  async resume(): Promise<void> {
    for (const userId of await this.#parts.accounts.unfinishedDeactivations(RESUMED_AT_ONCE)) this.#leaveRooms(userId)
  }

  /** Resolves when no account is leaving rooms any more. */
  settled(): Promise<void> {
    return this.#leaving
  }

  async #perform({ body, facts }: Granted, requester: UserId | undefined): Promise<UnbindOutcome> {
    const byEmail = await this.#parts.proof.confirmedBy(facts, requester)
    const userId = byEmail?.userId ?? confirmedUser(facts)
    await this.#parts.accounts.assertUnlocked(userId)
    return this.#deactivate(userId, {
      erase: body.erase === true,
      idServer: stringAt(body, 'id_server'),
      usedUp: byEmail?.changes ?? [],
    })
  }

  async #deactivate(userId: UserId, { erase, idServer, usedUp }: Deactivation): Promise<UnbindOutcome> {
    const account = await this.#parts.accounts.account(userId)
    if (account === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such account')
    // Before the commit, which removes the record of the servers that were told.
    const unbound = await this.#parts.traces.unbind(account, idServer)
    await this.#end(account, erase, usedUp)
    this.#leaveRooms(userId)
    return unbound
  }

  async #end(account: AccountRecord, erase: boolean, usedUp: readonly Change<void>[]) {
    const { userId } = account
    try {
      await this.#parts.commit([
        this.#parts.devices.removeAll(userId),
        this.#parts.accounts.deactivate(userId, erase),
        ...usedUp,
        this.#parts.uia.endingAllOf(userId),
        ...this.#parts.traces.changesFor(account),
      ])
    } catch (error) {
      throw notAdded(error)
    }
  }

  /** Leaves the rooms after the answer, one account after the other. */
  #leaveRooms(userId: UserId): void {
    this.#leaving = this.#leaving.then(async () => {
      try {
        await this.#parts.traces.leaveAllRooms(userId)
        await this.#parts.commit([this.#parts.accounts.finishDeactivation(userId)])
      } catch (error) {
        this.#parts.logger.error(
          { err: error, userId },
          'a deactivated account could not leave all rooms; tried again on start',
        )
      }
    })
  }
}
