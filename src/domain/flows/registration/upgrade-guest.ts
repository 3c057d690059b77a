import { type DeviceId, type JsonObject, MatrixError, stringAt, type UserId } from '#spec'
import type { Change, Commit } from '#store'
import type { Accounts } from '../../accounts/index.ts'
import type { AccessTokens, Devices, PreparedSession, SessionRequest, Sessions } from '../../devices/index.ts'
import type { DeviceTraces } from '../sessions/end-sessions.ts'
import { notCreated } from './create-account.ts'

export interface Guest {
  readonly deviceId: DeviceId
  /** Internal number of the device. */
  readonly device: number
}

export interface GuestUpgradeDraft {
  readonly userId: UserId
  /** The result of `guestIn`. */
  readonly guest: Guest
  readonly passwordHash: string
  readonly session: Omit<SessionRequest, 'userId'> | undefined
  readonly alongside: readonly Change<unknown>[]
}

export interface UpgradeGuestParts {
  readonly accounts: Accounts
  readonly devices: Devices
  readonly traces: DeviceTraces
  readonly sessions: Sessions
  readonly tokens: Pick<AccessTokens, 'check'>
  readonly commit: Commit
}

/**
 * Makes a guest a full account with the same user id, rooms and device. No version of the specification has this (`guest_access_token`
 * of `POST /register` came with guests in 2015, in clients and servers), and none forbids it.
 */
export class UpgradeGuest {
  readonly #parts: UpgradeGuestParts

  constructor(parts: UpgradeGuestParts) {
    this.#parts = parts
  }

  /**
   * The guest who becomes a full account by that registration: with a token of their own, and no other name than theirs. Throws
   * `M_FORBIDDEN` if the token is not that of the guest with that user id.
   */
  async guestIn(userId: UserId, body: JsonObject, from: SessionRequest['from']): Promise<Guest | undefined> {
    const token = stringAt(body, 'guest_access_token')
    if (token === undefined || (await this.#parts.accounts.account(userId)) === undefined) return undefined
    const owner = await this.#parts.tokens.check(token, from).catch((error: unknown) => {
      if (error instanceof MatrixError && error.errcode === 'M_UNKNOWN_TOKEN') return undefined
      throw error
    })
    if (owner === undefined || owner.kind !== 'guest' || owner.userId !== userId) {
      throw new MatrixError('M_FORBIDDEN', 'The user name is taken, and the token is not that of its guest')
    }
    return owner
  }

  /** Makes the account; the guest's old token becomes void. Throws `M_FORBIDDEN` if the guest was upgraded meanwhile. */
  async run(draft: GuestUpgradeDraft): Promise<PreparedSession['answer'] | undefined> {
    const { userId, session, guest, alongside } = draft
    const { devices, traces } = this.#parts
    const deviceId = session?.deviceId ?? guest.deviceId
    // A guest has one device. It stays unless the client names another, and its old token ends with the new session.
    const kept = session !== undefined && deviceId === guest.deviceId ? guest.device : undefined
    const upgrade = this.#parts.accounts.upgradeGuest(userId, draft.passwordHash)
    const removal = devices.removeAll(userId, kept)
    const rest = [...traces.orphansOf(userId), ...alongside]
    try {
      if (session === undefined) {
        await this.#parts.commit([upgrade, removal, ...rest])
        return undefined
      }
      const prepared = this.#parts.sessions.prepare({ ...session, userId, deviceId })
      await this.#parts.commit([upgrade, removal, prepared.change, ...rest])
      return prepared.answer
    } catch (error) {
      throw notCreated(error)
    }
  }
}
