import type { UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

export interface ListedUser {
  readonly user: UserNumber
  readonly userId: UserId
}

/** The presence lists of users: the users whose presence they follow ("Presence Lists", document of 2015). */
export interface PresenceListsReader {
  /** The users on the owner's list, by user id. */
  listed(owner: UserNumber): Promise<readonly ListedUser[]>
  /** The users on the owner's list who have listed the owner in turn, by user id. */
  mutual(owner: UserNumber): Promise<readonly ListedUser[]>
  /** Users who have listed the user, at most `limit`. */
  followers(user: UserNumber, limit: number): Promise<readonly ListedUser[]>
  /** The user ids among these that are active accounts. */
  accounts(userIds: readonly UserId[]): Promise<readonly ListedUser[]>
}

export interface PresenceListChange {
  readonly owner: UserNumber
  readonly add: readonly UserNumber[]
  readonly drop: readonly UserNumber[]
  /** Entries that the list may have afterwards. */
  readonly most: number
}

export interface PresenceListsWriter {
  /** Adds and drops users; adding a listed user or dropping an unlisted one changes nothing. Conflict: `presence-list-full`. */
  change(change: PresenceListChange): Change<void>
  /** Removes the list of an account that is deactivated, and the account from the lists of others. */
  remove(user: UserNumber): Change<void>
}
