import type { Logger } from '#base'
import { type JsonObject, MatrixError, type UserId } from '#spec'
import type { AccountRecord, Change, Commit } from '#store'
import type { Accounts } from '../accounts/index.ts'
import type { Devices } from '../devices/index.ts'
import type { Granted, InteractiveAuth, UiaAnswer } from '../uia/index.ts'
import { PASSWORD_STAGE, passwordStage } from './stages.ts'

/** What of a user is elsewhere, and ends with the account. */
export interface AccountTraces {
  /** In the same commit. */
  changesFor(account: AccountRecord): readonly Change<unknown>[]
  /** Leaves every room, and declines invites. May be called again for the same user. */
  leaveAllRooms(userId: UserId): Promise<void>
}

const RESUMED_AT_ONCE = 1_000

/** `POST /account/deactivate`. Client-server API, "Account deactivation". */
export class Deactivate {
  readonly #accounts: Accounts
  readonly #devices: Devices
  readonly #uia: InteractiveAuth
  readonly #traces: AccountTraces
  readonly #commit: Commit
  readonly #logger: Logger
  #leaving: Promise<void> = Promise.resolve()

  constructor(
    domain: { readonly accounts: Accounts; readonly devices: Devices },
    uia: InteractiveAuth,
    traces: AccountTraces,
    commit: Commit,
    logger: Logger,
  ) {
    this.#accounts = domain.accounts
    this.#devices = domain.devices
    this.#uia = uia
    this.#traces = traces
    this.#commit = commit
    this.#logger = logger
  }

  run(requester: UserId | undefined, body: JsonObject, auth: JsonObject | undefined): Promise<UiaAnswer<void>> {
    return this.#uia.run(
      {
        operation: 'POST /account/deactivate',
        requester,
        flows: [[PASSWORD_STAGE]],
        stages: [passwordStage(this.#accounts)],
        auth,
        body,
      },
      { perform: (granted) => this.#perform(granted) },
    )
  }

  /** Goes on where a stop of the server came between a deactivation and the last room. Call it once on start. */
  async resume(): Promise<void> {
    for (const userId of await this.#accounts.unfinishedDeactivations(RESUMED_AT_ONCE)) this.#leaveRooms(userId)
  }

  /** When no account is leaving its rooms any more. */
  settled(): Promise<void> {
    return this.#leaving
  }

  async #perform({ body, facts }: Granted): Promise<void> {
    const userId = facts.get(PASSWORD_STAGE) as UserId
    const account = await this.#accounts.account(userId)
    if (account === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such account')
    const [removed] = await this.#commit([
      this.#devices.removeAll(userId),
      this.#accounts.deactivate(userId, body.erase === true),
      ...this.#traces.changesFor(account),
    ])
    this.#devices.removed(removed)
    this.#leaveRooms(userId)
  }

  /** Not waited for: somebody in a thousand rooms has no client left to ask. One account after the other. */
  #leaveRooms(userId: UserId): void {
    this.#leaving = this.#leaving.then(async () => {
      try {
        await this.#traces.leaveAllRooms(userId)
        await this.#commit([this.#accounts.finishDeactivation(userId)])
      } catch (error) {
        this.#logger.error(
          { err: error, userId },
          'a deactivated account could not leave all rooms; tried again on start',
        )
      }
    })
  }
}
