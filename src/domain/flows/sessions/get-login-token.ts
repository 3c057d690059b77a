import type { DeviceId, JsonObject, UserId } from '#spec'
import type { Devices } from '../../devices/index.ts'
import type { LoginTokens } from '../../sign-in/index.ts'
import type { InteractiveAuth, UiaAnswer } from '../../uia/index.ts'
import type { Reauthentication } from '../stages/reauthentication.ts'

/** "120000 (2 minutes) is recommended as a default". */
const LIFETIME_MS = 120_000

export interface LoginTokenAsker {
  readonly userId: UserId
  readonly deviceId: DeviceId | undefined
}

export interface GetLoginTokenParts {
  readonly uia: InteractiveAuth
  readonly reauthentication: Reauthentication
  readonly loginTokens: LoginTokens
  readonly devices: Devices
}

/** Login tokens: `POST /login/get_token`, which gives one for another device of one's own, and what they are good for. */
export class GetLoginToken {
  readonly #parts: GetLoginTokenParts

  constructor(parts: GetLoginTokenParts) {
    this.#parts = parts
  }

  async run(
    { userId: requester, deviceId }: LoginTokenAsker,
    auth: JsonObject | undefined,
  ): Promise<UiaAnswer<JsonObject>> {
    return this.#parts.uia.run(
      {
        operation: 'POST /login/get_token',
        requester,
        ...(await this.#parts.reauthentication.offerFor(requester)),
        auth,
        body: {},
      },
      {
        perform: async () => ({
          login_token: await this.#parts.loginTokens.issue(requester, deviceId, LIFETIME_MS),
          expires_in_ms: LIFETIME_MS,
        }),
      },
    )
  }

  /**
   * The user whom a token lets in, once. It ends with the device that asked for it: whoever throws a thief's device out, by a
   * new password or otherwise, shall not find another of theirs a minute later.
   */
  async redeem(token: string): Promise<UserId | undefined> {
    const owner = await this.#parts.loginTokens.take(token)
    if (owner?.askedBy === undefined) return owner?.userId
    return (await this.#parts.devices.device(owner.userId, owner.askedBy)) === undefined ? undefined : owner.userId
  }
}
