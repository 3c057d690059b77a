import type { Random } from '#base'
import { MatrixError, type UserId } from '#spec'
import { type Accounts, type ReservedNames, userInUse } from '../../accounts/index.ts'

export interface NewUserIdsParts {
  readonly accounts: Pick<Accounts, 'newUserId' | 'assertFree'>
  readonly reservedNames: Pick<ReservedNames, 'includes' | 'assertUnreserved'>
  readonly random: Random
}

const ATTEMPTS = 4

/** User IDs that accounts may be made with. */
export class NewUserIds {
  readonly #parts: NewUserIdsParts

  constructor(parts: NewUserIdsParts) {
    this.#parts = parts
  }

  /** The user ID for a name that somebody chose. Throws `M_INVALID_USERNAME`, `M_USER_IN_USE`, `M_EXCLUSIVE`. */
  async available(username: string): Promise<UserId> {
    const { accounts, reservedNames } = this.#parts
    const userId = accounts.newUserId(username)
    await accounts.assertFree(userId)
    reservedNames.assertUnreserved(userId)
    return userId
  }

  /** Calls `create` with a random user ID, and with another one where it throws `M_USER_IN_USE`. */
  async withRandom<Result>(create: (userId: UserId) => Promise<Result>): Promise<Result> {
    const { accounts, reservedNames, random } = this.#parts
    for (let left = ATTEMPTS; left > 0; left--) {
      try {
        const userId = accounts.newUserId(random.letters(12))
        if (!reservedNames.includes(userId)) return await create(userId)
      } catch (error) {
        if (!(error instanceof MatrixError) || error.errcode !== 'M_USER_IN_USE') throw error
      }
    }
    throw userInUse()
  }
}
