import { compileGlob, foldText } from '#rules'
import { localpartOf, MatrixError, type UserId } from '#spec'

/**
 * Names that cannot be registered: the operator keeps them for staff, bridges and the like. Accounts made by the operator (`users create`,
 * shared secret) may have them.
 */
export class ReservedNames {
  readonly #patterns: readonly ((localpart: ReturnType<typeof foldText>) => boolean)[]
  readonly #allowed: readonly ((localpart: ReturnType<typeof foldText>) => boolean)[]

  /** `patterns`: of local parts; `*` stands for any run of characters, `?` for any one. `allowed`: the only ones that may be chosen; empty: all others. */
  constructor(patterns: readonly string[], allowed: readonly string[] = []) {
    this.#patterns = patterns.map(compileGlob)
    this.#allowed = allowed.map(compileGlob)
  }

  includes(userId: UserId): boolean {
    if (this.#patterns.length === 0) return false
    const localpart = foldText(localpartOf(userId))
    return this.#patterns.some((matches) => matches(localpart))
  }

  /** For a name that somebody chose. Throws `M_EXCLUSIVE`, and `M_INVALID_USERNAME` for one that the operator wants otherwise. */
  assertUnreserved(userId: UserId): void {
    const localpart = foldText(localpartOf(userId))
    if (this.#allowed.length > 0 && !this.#allowed.some((matches) => matches(localpart)))
      throw new MatrixError('M_INVALID_USERNAME', 'User names have another form on this server')
    if (this.includes(userId)) throw new MatrixError('M_EXCLUSIVE', 'This user name is reserved')
  }
}
