import type { UserId } from '#spec'
import type { Accounts } from '../../accounts/index.ts'
import type { ThirdPartyIds } from '../../threepids/index.ts'
import type { Granted } from '../../uia/index.ts'
import { provenIn } from '../stages/email-proof.ts'

export interface BindEmailParts {
  readonly accounts: Accounts
  readonly threepids: ThirdPartyIds
}

/** `bind_email` of registrations until 2019: "the server binds the email used for authentication to the Matrix ID with the ID Server". */
export class BindEmail {
  readonly #parts: BindEmailParts

  constructor(parts: BindEmailParts) {
    this.#parts = parts
  }

  /**
   * Once the account is there, which stands whatever the identity server says: the client may ask again by `3pid/bind`. Nothing is done for
   * an address that was proved by a mail of this server, of which no identity server knows.
   */
  async run(userId: UserId, facts: Granted['facts']): Promise<void> {
    const proven = provenIn(facts)
    if (proven === undefined || proven.own) return
    const { sid, clientSecret, idServer } = proven.creds
    const account = await this.#parts.accounts.account(userId)
    if (account === undefined || idServer === undefined) return
    // A new user has no token at the identity server: it takes one of theirs in exchange, which needs an account here.
    await this.#parts.threepids.bind(
      { user: account.user, userId },
      { idServer, accessToken: undefined, sid, clientSecret },
    )
  }
}
