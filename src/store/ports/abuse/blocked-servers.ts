import type { Change } from '../engine/change.ts'

/** Servers with which this one does not talk because an administrator wished so. */
export interface BlockedServer {
  /** A server name in lower case, in which a star stands for any characters and a question mark for one. */
  readonly pattern: string
  readonly reason: string | undefined
  /** A user id, or `operator`. */
  readonly addedBy: string
  readonly addedAtMs: number
}

export interface BlockedServersReader {
  /** In the order of their patterns. */
  blockedServers(): Promise<readonly BlockedServer[]>
}

export interface BlockedServersWriter {
  /** Conflict: `too-many-blocked-servers` (there are `most` others already). A pattern that is there gets the new reason, and stays what it is otherwise. */
  add(server: BlockedServer, most: number): Change<void>
  /** Returns whether it was there. */
  remove(pattern: string): Change<boolean>
}
