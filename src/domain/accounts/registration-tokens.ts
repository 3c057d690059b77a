import type { Clock } from '#base'
import { MatrixError } from '#spec'
import type { Change, RegistrationTokensReader, RegistrationTokensWriter } from '#store'

/** Client-server API, "Token-authenticated registration": opaque identifiers of at most 64 characters. */
const GRAMMAR = /^[A-Za-z0-9._~-]{1,64}$/

/** Tokens that let somebody register where registration is not open to all. */
export class RegistrationTokens {
  readonly #reader: RegistrationTokensReader
  readonly #writer: RegistrationTokensWriter
  readonly #clock: Clock

  constructor(reader: RegistrationTokensReader, writer: RegistrationTokensWriter, clock: Clock) {
    this.#reader = reader
    this.#writer = writer
    this.#clock = clock
  }

  async isValid(token: string): Promise<boolean> {
    if (!GRAMMAR.test(token)) return false
    const found = await this.#reader.registrationToken(token)
    if (found === undefined) return false
    if (found.usesAllowed !== undefined && found.uses >= found.usesAllowed) return false
    return found.expiresAtMs === undefined || found.expiresAtMs > this.#clock.nowMs()
  }

  /** Counts a registration. Conflict: `registration-token-void`. */
  use(token: string): Change<void> {
    return this.#writer.use(token, this.#clock.nowMs())
  }

  /** Throws `M_INVALID_PARAM` for what is not a token. Conflict: `registration-token-exists`. */
  create(token: string, limits: { readonly uses?: number; readonly expiresAtMs?: number } = {}): Change<void> {
    if (!GRAMMAR.test(token))
      throw new MatrixError('M_INVALID_PARAM', 'A registration token has 1 to 64 of A-Z a-z 0-9 . _ ~ -')
    return this.#writer.create(token, limits.uses, limits.expiresAtMs)
  }
}
