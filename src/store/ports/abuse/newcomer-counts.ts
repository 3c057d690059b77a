import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

export interface NewcomerDeed {
  readonly user: UserNumber
  readonly deed: string
  readonly times: number
  readonly most: number
  readonly nowMs: number
  /** The end of a time that begins now, if none is under way. */
  readonly endsAtMs: number
}

export interface NewcomerCountsWriter {
  /** Counts what a new account does. Returns undefined, or where it is more than it may, when the time ends; then nothing is counted. */
  count(deed: NewcomerDeed): Change<number | undefined>
}
