import { Chore, type Clock, type Logger } from '#base'
import type { Commit } from './ports/engine/change.ts'
import { SHORT_LIVED_KINDS, type ShortLivedWriter } from './ports/processes/short-lived.ts'

export interface ShortLivedSweepParts {
  readonly writer: ShortLivedWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
}

const EVERY_MS = 5 * 60_000
/** Rows removed by one commit; others write between two of these. */
const ROWS_AT_ONCE = 500

/** Removes short-lived rows that have expired, every five minutes, in pieces. */
export const shortLivedSweep = ({ writer, commit, clock, logger }: ShortLivedSweepParts): Chore =>
  new Chore({
    clock,
    logger,
    everyMs: EVERY_MS,
    failure: 'expired rows could not be removed; tried again in five minutes',
    round: async (chore) => {
      for (const kind of SHORT_LIVED_KINDS) {
        await chore.inPieces(async () => {
          const [removed] = await commit([writer.dropExpired(kind, clock.nowMs(), ROWS_AT_ONCE)])
          return removed === ROWS_AT_ONCE
        })
      }
    },
  })
