import type { ServerName, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'
import type { ProfileElsewhere } from './people-elsewhere.ts'

export interface NamesQuestion {
  /** Folded words, all of which the names must hold; see `nameWords`. At least one. */
  readonly words: readonly string[]
  /** The user who asks: never found. */
  readonly viewer: UserNumber
  /** Whether everybody of this server may be found, and not only those whom the viewer shares a room with and members of open rooms. */
  readonly everybody: boolean
  readonly own: ServerName
}

/** A user whose names fit. */
export interface NamedUser {
  readonly userId: UserId
  /** Folded: the local part with its `@`, a line feed, and the display name. */
  readonly names: string
  /** For users of other servers. */
  readonly elsewhere: ProfileElsewhere | undefined
}

/** Users by their names: their ids and the display names of their profiles, never those that they have in single rooms. */
export interface UserDirectoryReader {
  /**
   * Users with active accounts, and users of other servers, whose names fit and whom the viewer may find, those with a word that begins so first. `isCut`: there may be others. Runs off the event
   * loop, and looks at a bounded number of users.
   */
  named(question: NamesQuestion): Promise<{ readonly users: readonly NamedUser[]; readonly isCut: boolean }>
  /** Whether pieces of former names are to be taken out of the index. */
  hasFormer(): Promise<boolean>
}

/** The names follow profiles in the same commit; only those from before the directory are put in later. */
export interface UserDirectoryWriter {
  /** Puts in the names of a piece of the accounts that were there before the directory. */
  fill(): Change<{ readonly more: boolean }>
  /** Takes pieces of a few former names out of the index, and overwrites them there. */
  clearFormer(): Change<{ readonly more: boolean }>
}
