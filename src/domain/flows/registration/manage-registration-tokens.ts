import { MatrixError } from '#spec'
import { type Commit, type RegistrationTokenRecord, WriteConflict } from '#store'
import type { RegistrationTokens } from '../../accounts/index.ts'

const MOST_LISTED = 10_000

/** Deeds of whoever runs the server with registration tokens. */
export class ManageRegistrationTokens {
  readonly #tokens: RegistrationTokens
  readonly #commit: Commit

  constructor({ tokens, commit }: { readonly tokens: RegistrationTokens; readonly commit: Commit }) {
    this.#tokens = tokens
    this.#commit = commit
  }

  list(): Promise<readonly RegistrationTokenRecord[]> {
    return this.#tokens.list(MOST_LISTED)
  }

  /** Throws `M_INVALID_PARAM` for a text that is no token, or is one already. */
  async create(
    token: string,
    limits: { readonly uses?: number; readonly expiresAtMs?: number },
  ): Promise<RegistrationTokenRecord> {
    try {
      await this.#commit([this.#tokens.create(token, limits)])
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
      throw new MatrixError('M_INVALID_PARAM', 'There is such a token already')
    }
    return { token, uses: 0, usesAllowed: limits.uses, expiresAtMs: limits.expiresAtMs }
  }

  /** Throws `M_NOT_FOUND`. */
  async revoke(token: string): Promise<void> {
    if ((await this.#tokens.token(token)) === undefined)
      throw new MatrixError('M_NOT_FOUND', 'There is no such registration token')
    await this.#commit([this.#tokens.revoke(token)])
  }
}
