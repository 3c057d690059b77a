import type { JsonObject, UserId } from '#spec'

export interface PresenceEntry {
  /** undefined for a user who was not active lately. */
  readonly user?: number
  readonly userId: UserId
  /** Content of `m.presence`. */
  readonly content: JsonObject
}

/** The presence of users, held in memory by the domain. */
export interface PresenceNow {
  /** Changes of all users with `after` < position <= `upTo`; readers that ask at about the same time get the same array. */
  changedSince(after: number, upTo: number): readonly PresenceEntry[]
  /** Users whom a presence list made visible to the viewer within the window. */
  metSince(viewer: UserId, after: number, upTo: number): readonly PresenceEntry[]
  /** Users whose presence the user sees through a presence list. */
  seenByList(user: number): Promise<ReadonlySet<UserId>>
  /** Entries of the users who are not offline, or have a status message. */
  ofUsers(userIds: readonly UserId[]): readonly PresenceEntry[]
  /** All of the users, offline ones too. */
  ofEach(userIds: readonly UserId[]): readonly PresenceEntry[]
}
