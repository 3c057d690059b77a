import { MatrixError, type UserId } from '#spec'

/** The maker of a try at a password. */
export interface TriedFrom {
  readonly ip: string | undefined
  /** The user whose access token came with it. */
  readonly requester?: UserId | undefined
}

export interface PasswordTriesParts {
  /**
   * Counts one try. `login`: the budget of one address at one account; `accountLogin`: the much wider one of an account, for all addresses
   * together. Throws `M_LIMIT_EXCEEDED`.
   */
  readonly limit: { consume(budget: 'login' | 'accountLogin', key: string): Promise<void> }
  /** The addresses at which devices of the user were last seen. */
  addressesOf(userId: UserId): Promise<readonly string[]>
  /** The network that counts as one address. */
  networkOf(ip: string): string
}

/**
 * Limits how often passwords are guessed, so that a stranger who guesses locks nobody out: the limits of an address at an account stop one
 * guesser, that of an account many, and the latter does not hold where the user has been seen before. Whoever brings an access token counts
 * apart from strangers.
 */
export class PasswordTries {
  readonly #parts: PasswordTriesParts

  constructor(parts: PasswordTriesParts) {
    this.#parts = parts
  }

  /** `tried`: the account as it was named; `owner`: its user, if there is one. Throws `M_LIMIT_EXCEEDED`. */
  async consume(tried: string, owner: UserId | undefined, { ip, requester }: TriedFrom): Promise<void> {
    const { limit, networkOf } = this.#parts
    if (requester !== undefined) {
      await limit.consume('login', `session ${requester}`)
      return
    }
    if (ip !== undefined) await limit.consume('login', `${networkOf(ip)} ${tried}`)
    try {
      await limit.consume('accountLogin', tried)
    } catch (error) {
      const exceeded = error instanceof MatrixError && error.errcode === 'M_LIMIT_EXCEEDED'
      if (!exceeded || owner === undefined || ip === undefined || !(await this.#isKnown(owner, ip))) throw error
    }
  }

  async #isKnown(owner: UserId, ip: string): Promise<boolean> {
    const { addressesOf, networkOf } = this.#parts
    const network = networkOf(ip)
    return (await addressesOf(owner)).some((known) => networkOf(known) === network)
  }
}
