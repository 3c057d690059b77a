import type { DeviceId, RoomId, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

/** Internal number of a backup, never given twice. */
export type BackupNumber = number

/** A backup of a user's room keys: all of one version. */
export interface BackupRecord {
  readonly backup: BackupNumber
  /** Counts up for each user, and is never given again. */
  readonly version: number
  readonly algorithm: string
  /** An object, as JSON text. */
  readonly authDataJson: string
  /** Counts the changes of the stored sessions. */
  readonly etag: number
  readonly sessions: number
}

/** The values by which two keys of a session are compared. */
export interface SessionRank {
  readonly firstMessageIndex: number
  readonly forwardedCount: number
  readonly isVerified: boolean
}

/** One session of a room, as it was uploaded. */
export interface BackedUpSession extends SessionRank {
  readonly roomId: RoomId
  readonly sessionId: string
  /** `session_data`, as JSON text. */
  readonly sessionJson: string
}

/** Sessions of a room, or one of them; neither: all of the backup. */
export interface SessionsOf {
  readonly roomId: RoomId | undefined
  readonly sessionId: string | undefined
}

/** The state of a backup after its sessions changed. */
export interface BackupState {
  readonly etag: number
  readonly sessions: number
}

export interface NewBackup {
  readonly user: UserNumber
  readonly algorithm: string
  readonly authDataJson: string
  /** The device that made it. */
  readonly deviceId: DeviceId
  /** Backups that a user may have. */
  readonly most: number
}

export interface KeyBackupsWriter {
  /** Returns the new version. Conflict: `too-many-backups`. */
  create(backup: NewBackup): Change<number>
  /** Conflicts: `backup-gone`; `algorithm-differs`. */
  setAuthData(user: UserNumber, version: number, algorithm: string, authDataJson: string): Change<void>
  /**
   * Puts sessions into the newest backup of the user; of a session that is there already the better key stays, as `isBetterSession` has it. The etag
   * moves if anything changed. Conflicts: `backup-gone` (the user has no backup, or never had the version), `backup-not-newest`, `backup-full`.
   */
  put(user: UserNumber, version: number, sessions: readonly BackedUpSession[], limitBytes: number): Change<BackupState>
  /** Removes at most `limit` sessions; the etag moves if there were any. Conflict: `backup-gone`. */
  removeSessions(
    user: UserNumber,
    version: number,
    which: SessionsOf,
    limit: number,
  ): Change<BackupState & { readonly removed: number }>
  /** Removes a backup; its sessions follow by `sweep`. Returns whether the user ever had that version. */
  remove(user: UserNumber, version: number): Change<boolean>
  /** Removes all backups of a user whose account ends. */
  removeAll(userId: UserId): Change<void>
  /** Removes at most `limit` sessions of backups that are gone. Returns whether there may be more. */
  sweep(limit: number): Change<boolean>
}

/** Where a page of sessions begins: behind this session of this room. */
export interface SessionPlace {
  readonly roomId: string
  readonly sessionId: string
}

export interface KeyBackupsReader {
  /** Without a version the newest. */
  backup(user: UserNumber, version?: number): Promise<BackupRecord | undefined>
  session(backup: BackupNumber, roomId: RoomId, sessionId: string): Promise<BackedUpSession | undefined>
  /** By room and session. */
  sessions(
    backup: BackupNumber,
    page: { readonly roomId: RoomId | undefined; readonly after: SessionPlace; readonly limit: number },
  ): Promise<readonly BackedUpSession[]>
}
