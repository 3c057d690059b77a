import type { ServerName, UserId } from '#spec'
import type { Change } from '../engine/change.ts'

/** The profile of a user of another server, as that server tells it. */
export interface ProfileElsewhere {
  readonly displayName: string | undefined
  readonly avatarUrl: string | undefined
}

/** A user whose server is to be asked. */
export interface PersonToAsk {
  readonly userId: UserId
  readonly failures: number
  /** Names what the question is for: see `PeopleElsewhereWriter.answered`. */
  readonly wantedAt: number
}

/** The most people of other servers in the directory. */
export interface PeopleLimits {
  readonly perServer: number
  readonly total: number
}

/** A server that is to be asked for some of its users. */
export interface ServerToAsk {
  readonly server: ServerName
  /** How often it could not be asked, one time after the other. */
  readonly failures: number
}

/** Users of other servers in the directory of users: those who are in a room with somebody here. */
export interface PeopleElsewhereReader {
  /** Servers with users to ask for by that time, the one that waits longest first. */
  serversToAsk(byMs: number, limit: number): Promise<readonly ServerToAsk[]>
  nextToAsk(server: ServerName, byMs: number): Promise<PersonToAsk | undefined>
}

export interface PeopleElsewhereWriter {
  /**
   * Puts in the people of a piece of the memberships that are new since the last call, and has their servers asked where nothing is known of them, or where their membership says something else than their
   * profile. Whoever is above a limit is left out, until a later membership. `asks`: there is somebody to ask for.
   */
  see(seen: {
    readonly own: ServerName
    readonly nowMs: number
    readonly limits: PeopleLimits
  }): Change<{ readonly more: boolean; readonly asks: boolean }>
  /**
   * The user's server has answered: `profile` counts, or what was known where it is undefined. Asked again only if a membership came since the person was read as one to ask for.
   */
  answered(answer: {
    readonly person: PersonToAsk
    readonly profile: ProfileElsewhere | undefined
    readonly nowMs: number
  }): Change<void>
  askLater(userId: UserId, failures: number, atMs: number): Change<void>
  /** The server was asked for some users, and comes after all others that are to be asked. */
  askedServer(server: ServerName, nowMs: number): Change<void>
  /** The server could not be asked, and is not before that time. */
  askServerLater(server: ServerName, failures: number, atMs: number): Change<void>
  /** Removes, in a further piece of the people, those who share no room with anybody here. */
  sweep(own: ServerName): Change<{ readonly removed: number }>
}
