import { compileGlob, foldText } from '#rules'
import { localpartOf, MatrixError, type UserId } from '#spec'

/**
 * Names that cannot be registered: the operator keeps them for staff, bridges and the like. Accounts made by the operator (`users create`,
 * shared secret) may have them.
 */
export class ReservedNames {
  readonly #patterns: readonly ((localpart: ReturnType<typeof foldText>) => boolean)[]

  /** `patterns`: of local parts; `*` stands for any run of characters, `?` for any one. */
  constructor(patterns: readonly string[]) {
    this.#patterns = patterns.map(compileGlob)
  }

  includes(userId: UserId): boolean {
    if (this.#patterns.length === 0) return false
    const localpart = foldText(localpartOf(userId))
    return this.#patterns.some((matches) => matches(localpart))
  }

  /** Throws `M_EXCLUSIVE`. */
  assertUnreserved(userId: UserId): void {
    if (this.includes(userId)) throw new MatrixError('M_EXCLUSIVE', 'This user name is reserved')
  }
}
