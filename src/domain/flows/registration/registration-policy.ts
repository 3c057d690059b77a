import { MatrixError } from '#spec'
import type { RegistrationTokens } from '../../accounts/index.ts'
import type { NewUserIds } from './new-user-ids.ts'

export interface RegistrationPolicyParts {
  /** open: anyone; token: people with a registration token; closed: nobody by this way. */
  readonly mode: 'open' | 'token' | 'closed'
  readonly tokens: RegistrationTokens
  readonly newUserIds: NewUserIds
}

/** Says to people without an account what they would need to register. */
export class RegistrationPolicy {
  readonly #parts: RegistrationPolicyParts

  constructor(parts: RegistrationPolicyParts) {
    this.#parts = parts
  }

  get mode(): 'open' | 'token' | 'closed' {
    return this.#parts.mode
  }

  /** Whether anybody may register. */
  get isOpen(): boolean {
    return this.#parts.mode !== 'closed'
  }

  /** Throws `M_FORBIDDEN`. */
  assertOpen(): void {
    if (!this.isOpen) throw new MatrixError('M_FORBIDDEN', 'Registration is closed on this server')
  }

  /** Throws `M_INVALID_USERNAME`, `M_USER_IN_USE`, `M_EXCLUSIVE`; `M_FORBIDDEN` where registration is closed. */
  async assertAvailable(username: string): Promise<void> {
    this.assertOpen()
    await this.#parts.newUserIds.available(username)
  }

  /** Whether a registration token would be taken now. Throws `M_FORBIDDEN` where registration is closed. */
  async isTokenValid(token: string): Promise<boolean> {
    this.assertOpen()
    return this.#parts.tokens.isValid(token)
  }
}
