import type { Clock } from '#base'
import { MatrixError } from '#spec'
import type {
  Change,
  RegistrationTokenRecord,
  RegistrationTokensReader,
  RegistrationTokensWriter,
  TokenLimits,
} from '#store'

/** Client-server API, "Token-authenticated registration": opaque identifiers of at most 64 characters. */
const GRAMMAR = /^[A-Za-z0-9._~-]{1,64}$/

export interface RegistrationTokensParts {
  readonly reader: RegistrationTokensReader
  readonly writer: RegistrationTokensWriter
  readonly clock: Clock
}

/** Tokens that allow registration on a server where it is not open to all. */
export class RegistrationTokens {
  readonly #parts: RegistrationTokensParts

  constructor(parts: RegistrationTokensParts) {
    this.#parts = parts
  }

  async isValid(token: string): Promise<boolean> {
    if (!GRAMMAR.test(token)) return false
    const found = await this.#parts.reader.registrationToken(token)
    return found !== undefined && this.isUsable(found)
  }

  /** Whether somebody can still register with it. */
  isUsable(found: RegistrationTokenRecord): boolean {
    if (found.usesAllowed !== undefined && found.uses >= found.usesAllowed) return false
    return found.expiresAtMs === undefined || found.expiresAtMs > this.#parts.clock.nowMs()
  }

  /** All tokens, also those that are used up or over; at most `limit`. */
  list(limit: number): Promise<readonly RegistrationTokenRecord[]> {
    return this.#parts.reader.registrationTokens(limit)
  }

  token(token: string): Promise<RegistrationTokenRecord | undefined> {
    return this.#parts.reader.registrationToken(token)
  }

  /** Changes the limits: an absent one stays, undefined is none. Conflict: `registration-token-gone`. */
  limit(token: string, limits: TokenLimits): Change<void> {
    return this.#parts.writer.limit(token, limits)
  }

  revoke(token: string): Change<void> {
    return this.#parts.writer.remove(token)
  }

  /** Counts a registration. Conflict: `registration-token-void`. */
  use(token: string): Change<void> {
    return this.#parts.writer.use(token, this.#parts.clock.nowMs())
  }

  /** Throws `M_INVALID_PARAM` for a text that is no token. Conflict: `registration-token-exists`. */
  create(token: string, limits: { readonly uses?: number; readonly expiresAtMs?: number } = {}): Change<void> {
    if (!GRAMMAR.test(token))
      throw new MatrixError('M_INVALID_PARAM', 'A registration token has 1 to 64 of A-Z a-z 0-9 . _ ~ -')
    return this.#parts.writer.create(token, limits.uses, limits.expiresAtMs)
  }
}
