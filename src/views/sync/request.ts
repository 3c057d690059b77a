import type { CompiledFilter } from '#rules'
import type { UserId } from '#spec'
import type { Positions } from '#streams'

/** The user and device that sync. */
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
