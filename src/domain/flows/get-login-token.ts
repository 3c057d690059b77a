import type { JsonObject, UserId } from '#spec'
import type { LoginTokens } from '../sign-in/index.ts'
import type { InteractiveAuth, UiaAnswer } from '../uia/index.ts'
import type { Reauthentication } from './reauthentication.ts'

/** "120000 (2 minutes) is recommended as a default". */
const LIFETIME_MS = 120_000

/** `POST /login/get_token`: a login token for another device of one's own. */
export class GetLoginToken {
  readonly #uia: InteractiveAuth
  readonly #reauthentication: Reauthentication
  readonly #loginTokens: LoginTokens

  constructor(uia: InteractiveAuth, reauthentication: Reauthentication, loginTokens: LoginTokens) {
    this.#uia = uia
    this.#reauthentication = reauthentication
    this.#loginTokens = loginTokens
  }

  async run(requester: UserId, auth: JsonObject | undefined): Promise<UiaAnswer<JsonObject>> {
    return this.#uia.run(
      {
        operation: 'POST /login/get_token',
        requester,
        ...(await this.#reauthentication.offerFor(requester)),
        auth,
        body: {},
      },
      {
        perform: async () => ({
          login_token: this.#loginTokens.issue(requester, LIFETIME_MS),
          expires_in_ms: LIFETIME_MS,
        }),
      },
    )
  }
}
