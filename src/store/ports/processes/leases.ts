import type { Change } from '../engine/change.ts'

export interface LeasesWriter {
  /** Takes or renews a lease. Answers whether `owner` holds it now: false where another one holds it, and it has not run out. */
  hold(lease: {
    readonly name: string
    readonly owner: string
    readonly nowMs: number
    readonly untilMs: number
  }): Change<boolean>
  /** Gives it back, where `owner` holds it. */
  release(name: string, owner: string): Change<void>
}
