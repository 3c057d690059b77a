import type { Soon } from '#base'
import type { UserId } from '#spec'

/** The users whom a user ignores (module "Ignoring users"). */
export interface IgnoredList {
  readonly users: ReadonlySet<UserId>
  /** Position of its last change in the stream of account data; 0: never set. */
  readonly position: number
}

/** The domain answers. */
export interface IgnoredLists {
  listOf(user: number): Soon<IgnoredList>
  /** undefined where it is not at hand. */
  listNow(user: number): IgnoredList | undefined
}
