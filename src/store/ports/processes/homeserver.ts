import type { ServerName } from '#spec'
import type { Change } from '../engine/change.ts'

/** The homeserver that a database belongs to. */
export interface HomeserverRecord {
  readonly name: ServerName
  /** Random. Data folders that belong to this database name it, so that files of another one are never taken for its own. */
  readonly databaseId: string
}

export interface HomeserverReader {
  /** undefined: the database is new, or from before it knew whose it is. */
  homeserver(): Promise<HomeserverRecord | undefined>
  /** The server name in the user id of any account. undefined: there is no account. */
  nameOfAccounts(): Promise<ServerName | undefined>
}

export interface HomeserverWriter {
  /** Conflict: `homeserver-known`. */
  add(homeserver: HomeserverRecord): Change<void>
}
