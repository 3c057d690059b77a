import { type Clock, yieldToEventLoop } from '#base'
import { type DeviceId, type JsonObject, MatrixError, type RoomId } from '#spec'
import {
  type BackedUpSession,
  type BackupRecord,
  type BackupState,
  type Commit,
  type KeyBackupsReader,
  type KeyBackupsWriter,
  type SessionsOf,
  type UserNumber,
  WriteConflict,
} from '#store'

const VERSION = /^[1-9]\d{0,14}$/
const MAX_BACKUPS = 100
/** Sessions that one commit stores or removes, or one read returns; others get their turn between two of these. */
const SESSIONS_AT_ONCE = 500

export interface KeyBackupsParts {
  readonly reader: KeyBackupsReader
  readonly writer: KeyBackupsWriter
  readonly commit: Commit
  readonly clock: Clock
  /** Bytes of sessions in one backup. */
  readonly limitBytes: number
}

/** The room keys that users keep here, sealed by their clients. Client-server API, "Server-side key backups". */
export class KeyBackups {
  readonly #parts: KeyBackupsParts

  constructor(parts: KeyBackupsParts) {
    this.#parts = parts
  }

  /** Makes a new version, which is the current one from now on, and returns it. Throws `M_FORBIDDEN` for a user who has very many. */
  async create(
    { user, deviceId }: { readonly user: UserNumber; readonly deviceId: DeviceId },
    algorithm: string,
    authData: JsonObject,
  ): Promise<string> {
    const { writer, commit } = this.#parts
    const backup = { user, deviceId, algorithm, authDataJson: JSON.stringify(authData), most: MAX_BACKUPS }
    try {
      const [version] = await commit([writer.create(backup)])
      return String(version)
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
      throw new MatrixError('M_FORBIDDEN', `You have ${MAX_BACKUPS} backups already: delete some first`)
    }
  }

  /** The named version, or the current one. Throws `M_NOT_FOUND`. */
  async backup(user: UserNumber, version?: string): Promise<BackupRecord> {
    if (version !== undefined && !VERSION.test(version)) throw unknownVersion()
    const found = await this.#parts.reader.backup(user, version === undefined ? undefined : Number(version))
    if (found === undefined) throw unknownVersion()
    return found
  }

  /** Replaces `auth_data`. Throws `M_NOT_FOUND`; `M_INVALID_PARAM` for another algorithm than the backup's. */
  async setAuthData(user: UserNumber, version: string, algorithm: string, authData: JsonObject): Promise<void> {
    const { version: known } = await this.backup(user, version)
    const { writer, commit } = this.#parts
    try {
      await commit([writer.setAuthData(user, known, algorithm, JSON.stringify(authData))])
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
      if (error.kind === 'backup-gone') throw unknownVersion()
      throw new MatrixError('M_INVALID_PARAM', 'The algorithm of a backup cannot be changed')
    }
  }

  /** Deletes a version with its keys; one that was deleted before is no error. Throws `M_NOT_FOUND`. */
  async remove(user: UserNumber, version: string): Promise<void> {
    if (!VERSION.test(version)) throw unknownVersion()
    const [ever] = await this.#parts.commit([this.#parts.writer.remove(user, Number(version))])
    if (!ever) throw unknownVersion()
  }

  /**
   * Stores sessions in the current version, in slices: each is one commit, with an etag of its own, and the answer has the last. Of two keys of
   * one session the better stays. Throws `M_NOT_FOUND`; `M_WRONG_ROOM_KEYS_VERSION` if the version is not the current one, with that; `M_TOO_LARGE`
   * for a full backup.
   */
  async put(user: UserNumber, version: string, sessions: Iterable<BackedUpSession>): Promise<BackupState> {
    const { writer, commit, clock, limitBytes } = this.#parts
    if (!VERSION.test(version)) throw unknownVersion()
    const left = sessions[Symbol.iterator]()
    for (;;) {
      const slice = take(left, SESSIONS_AT_ONCE)
      try {
        const [state] = await commit([writer.put(user, Number(version), slice, limitBytes)])
        if (slice.length < SESSIONS_AT_ONCE) return state
      } catch (error) {
        throw error instanceof WriteConflict ? await this.#refusal(user, error.kind) : error
      }
      await yieldToEventLoop(clock)
    }
  }

  /** Throws `M_NOT_FOUND`. */
  async session(user: UserNumber, version: string, roomId: RoomId, sessionId: string): Promise<BackedUpSession> {
    const { backup } = await this.backup(user, version)
    const found = await this.#parts.reader.session(backup, roomId, sessionId)
    if (found === undefined) throw new MatrixError('M_NOT_FOUND', 'The backup has no such key')
    return found
  }

  /** The sessions of a room, or of all rooms, room by room and in pieces. Throws `M_NOT_FOUND`. */
  async *sessions(user: UserNumber, version: string, roomId?: RoomId): AsyncGenerator<readonly BackedUpSession[]> {
    const { backup } = await this.backup(user, version)
    let after = { roomId: roomId ?? '', sessionId: '' }
    for (;;) {
      const piece = await this.#parts.reader.sessions(backup, { roomId, after, limit: SESSIONS_AT_ONCE })
      yield piece
      const last = piece.at(-1)
      if (last === undefined || piece.length < SESSIONS_AT_ONCE) return
      after = last
      await yieldToEventLoop(this.#parts.clock)
    }
  }

  /** Removes all sessions, those of a room, or one, in slices. Throws `M_NOT_FOUND` for an unknown version. */
  async removeSessions(user: UserNumber, version: string, which: SessionsOf): Promise<BackupState> {
    const { writer, commit, clock } = this.#parts
    if (!VERSION.test(version)) throw unknownVersion()
    for (;;) {
      try {
        const change = writer.removeSessions(user, Number(version), which, SESSIONS_AT_ONCE)
        const [{ removed, ...state }] = await commit([change])
        if (removed < SESSIONS_AT_ONCE) return state
      } catch (error) {
        throw error instanceof WriteConflict ? unknownVersion() : error
      }
      await yieldToEventLoop(clock)
    }
  }

  async #refusal(user: UserNumber, kind: string): Promise<MatrixError> {
    if (kind === 'backup-full') return new MatrixError('M_TOO_LARGE', 'The backup is full')
    const current = kind === 'backup-not-newest' ? await this.#parts.reader.backup(user) : undefined
    if (current === undefined) return unknownVersion()
    const fields = { current_version: String(current.version) }
    return new MatrixError('M_WRONG_ROOM_KEYS_VERSION', 'This is not the current version of the backup', { fields })
  }
}

const take = <Item>(from: Iterator<Item>, most: number): readonly Item[] => {
  const items: Item[] = []
  while (items.length < most) {
    const next = from.next()
    if (next.done === true) break
    items.push(next.value)
  }
  return items
}

const unknownVersion = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such version of the backup')
