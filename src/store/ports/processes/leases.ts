import type { Change } from '../engine/change.ts'

export interface LeasesWriter {
  /** Takes or renews a lease. Returns whether `owner` holds it now; false: another one does, and the lease has not run out. */
  hold(lease: {
    readonly name: string
    readonly owner: string
    readonly nowMs: number
    readonly untilMs: number
  }): Change<boolean>
  /** Gives the lease back if `owner` holds it. */
  release(name: string, owner: string): Change<void>
}
