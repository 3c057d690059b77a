import type { UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

export interface ListedUser {
  readonly user: UserNumber
  readonly userId: UserId
}

/** Whose presence people asked to follow ("Presence Lists", document of 2015). */
export interface PresenceListsReader {
  /** Whom the owner has listed, by user id. */
  listed(owner: UserNumber): Promise<readonly ListedUser[]>
  /** Those of them who have listed the owner in turn, by user id. */
  mutual(owner: UserNumber): Promise<readonly ListedUser[]>
  /** Who has listed the user, at most `limit`. */
  followers(user: UserNumber, limit: number): Promise<readonly ListedUser[]>
  /** Those of the user ids that are accounts in use. */
  accounts(userIds: readonly UserId[]): Promise<readonly ListedUser[]>
}

export interface PresenceListChange {
  readonly owner: UserNumber
  readonly add: readonly UserNumber[]
  readonly drop: readonly UserNumber[]
  /** How long the list may be afterwards. */
  readonly most: number
}

export interface PresenceListsWriter {
  /** Conflict: `presence-list-full`. Adding who is listed and dropping who is not changes nothing. */
  change(change: PresenceListChange): Change<void>
  /** For accounts that end: their list, and their places on the lists of others. */
  remove(user: UserNumber): Change<void>
}
