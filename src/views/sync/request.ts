import type { CompiledFilter } from '#rules'
import type { JsonObject, UserId } from '#spec'
import type { RoomNumber } from '#store'
import type { Positions } from '#streams'

/** Who syncs. */
export interface Syncer {
  readonly userId: UserId
  /** Internal numbers. */
  readonly user: number
  readonly device: number | undefined
}

/** `GET /sync`, parsed. */
export interface SyncRequest {
  readonly syncer: Syncer
  readonly since: Positions | undefined
  readonly filter: CompiledFilter
  readonly fullState: boolean
  readonly timeoutMs: number
}

/** One answer in the making: everything with a position above `since` and not above `now`. */
export interface SyncWindow {
  readonly syncer: Syncer
  readonly since: Positions | undefined
  readonly now: Positions
  readonly filter: CompiledFilter
  readonly fullState: boolean
  readonly nowMs: number
  readonly ignored: ReadonlySet<UserId>
}

/** Who types where, held in memory by the domain. */
export interface TypingNow {
  /** Rooms where typing changed with `after` < position <= `upTo`, with all who type there now. */
  changedSince(
    after: number,
    upTo: number,
  ): readonly { readonly room: RoomNumber; readonly userIds: readonly UserId[] }[]
  /** Who types in a room now. */
  typing(room: RoomNumber): readonly UserId[]
}

export interface PresenceEntry {
  /** undefined for who was not about lately. */
  readonly user?: number
  readonly userId: UserId
  /** Content of `m.presence`. */
  readonly content: JsonObject
}

/** Who is there, held in memory by the domain. */
export interface PresenceNow {
  /** Of everybody; the same array for all who ask at about the same time. */
  changedSince(after: number, upTo: number): readonly PresenceEntry[]
  /** Whom the viewer sees by a presence list only since then. */
  metSince(viewer: UserId, after: number, upTo: number): readonly PresenceEntry[]
  /** Whose presence the user sees by a presence list. */
  seenByList(user: number): Promise<ReadonlySet<UserId>>
  /** Those of the users who are not offline, or have something to say of themselves. */
  ofUsers(userIds: readonly UserId[]): readonly PresenceEntry[]
  /** Each of the users, the offline ones too. */
  ofEach(userIds: readonly UserId[]): readonly PresenceEntry[]
}
