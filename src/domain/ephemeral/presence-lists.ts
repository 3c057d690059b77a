import { type CacheStats, LatestValues, textBytes } from '#base'
import { MatrixError, type UserId } from '#spec'
import {
  type Commit,
  type ListedUser,
  type PresenceListsReader,
  type PresenceListsWriter,
  type UserNumber,
  WriteConflict,
} from '#store'

export interface PresenceListsParts {
  readonly reader: PresenceListsReader
  readonly writer: PresenceListsWriter
  readonly commit: Commit
  /** Whether every invitation counts as accepted, as on the servers of 2015. */
  readonly acceptsAll: boolean
}

/** The number of users whom one account may list. */
const MAX_LISTED = 1_000
/** Followers that a change wakes, if every invitation counts as accepted; the others get it with their next answer. */
const MAX_WOKEN_FOLLOWERS = 1_000
const CACHE_LIMIT_BYTES = 8 * 1024 * 1024
const SEEN_BYTES = 40

/** Two users of whom one sees the other by a list. */
export interface NewTie {
  readonly viewer: ListedUser
  readonly seen: UserId
}

interface Ties {
  readonly seen: ReadonlySet<UserId>
  readonly followers: readonly UserNumber[]
}

/**
 * Presence lists (document of 2015, "Presence Lists"): "to be added to this list, the user being added must be invited by the list owner and
 * accept the invitation". That document has no request to accept, so an invitation is accepted by inviting back: two users who have listed each
 * other see each other's presence, whether or not they share a room. Listing a user alone shows nothing of them.
 */
export class PresenceLists {
  readonly #parts: PresenceListsParts
  readonly #ties = new LatestValues<UserNumber, Ties>({
    name: 'presence-lists',
    limitBytes: CACHE_LIMIT_BYTES,
    sizeBytes: ({ seen, followers }) =>
      [...seen].reduce((bytes, userId) => bytes + SEEN_BYTES + textBytes(userId), 200 + followers.length * 8),
  })

  constructor(parts: PresenceListsParts) {
    this.#parts = parts
  }

  stats(): CacheStats {
    return this.#ties.stats()
  }

  /** The users whose presence the user sees by a list: accepted invitations. */
  async seenBy(user: UserNumber): Promise<ReadonlySet<UserId>> {
    return (await this.#tiesOf(user)).seen
  }

  /** The users whom a change of the user's presence wakes beside those who share a room. */
  async followersOf(user: UserNumber): Promise<readonly UserNumber[]> {
    return (await this.#tiesOf(user)).followers
  }

  /** The owner's list, accepted or not, by user id. */
  listed(owner: UserNumber): Promise<readonly ListedUser[]> {
    return this.#parts.reader.listed(owner)
  }

  /**
   * Invites and drops users, all or none. Returns the pairs of users of whom one sees the other only since then. Throws `M_NOT_FOUND` for an invited user without an
   * account here, `M_INVALID_PARAM` for one that is invited and dropped at once, `M_FORBIDDEN` if the list would become too long.
   */
  async change(
    owner: ListedUser,
    { invite, drop }: { readonly invite: readonly UserId[]; readonly drop: readonly UserId[] },
  ): Promise<readonly NewTie[]> {
    const { reader, writer, commit, acceptsAll } = this.#parts
    if (invite.some((userId) => drop.includes(userId)))
      throw new MatrixError('M_INVALID_PARAM', 'A user cannot be invited and dropped at once')
    const invited = await reader.accounts(invite)
    const unknown = new Set(invite).difference(new Set(invited.map(({ userId }) => userId)))
    if (unknown.size > 0) throw new MatrixError('M_NOT_FOUND', `There is no user ${[...unknown].join(', ')}`)
    const before = await this.#tiesOf(owner.user)
    const dropped = (await reader.listed(owner.user)).filter(({ userId }) => drop.includes(userId))
    const numbers = (users: readonly ListedUser[]): readonly UserNumber[] => users.map(({ user }) => user)
    const change = { owner: owner.user, add: numbers(invited), drop: numbers(dropped), most: MAX_LISTED }
    try {
      await commit([writer.change(change)])
    } catch (error) {
      if (error instanceof WriteConflict && error.kind === 'presence-list-full')
        throw new MatrixError('M_FORBIDDEN', `A presence list holds at most ${MAX_LISTED} users`)
      throw error
    }
    for (const { user } of [owner, ...invited, ...dropped]) this.#ties.forget(user)
    const { seen } = await this.#tiesOf(owner.user)
    return invited
      .filter(({ userId }) => seen.has(userId) && !before.seen.has(userId))
      .flatMap((other) => {
        const tie = { viewer: owner, seen: other.userId }
        return acceptsAll ? [tie] : [tie, { viewer: other, seen: owner.userId }]
      })
  }

  #tiesOf(user: UserNumber): Promise<Ties> {
    const { reader, acceptsAll } = this.#parts
    return this.#ties.get(user, async () => {
      const tied = acceptsAll ? await reader.listed(user) : await reader.mutual(user)
      // If both must have listed each other, seeing is mutual.
      const followers = acceptsAll ? await reader.followers(user, MAX_WOKEN_FOLLOWERS) : tied
      return { seen: new Set(tied.map(({ userId }) => userId)), followers: followers.map((one) => one.user) }
    })
  }
}
