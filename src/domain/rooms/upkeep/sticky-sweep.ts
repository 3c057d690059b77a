import { Chore, type Clock, type Logger } from '#base'
import type { Commit, StickyEventsWriter } from '#store'

export interface StickySweepParts {
  readonly writer: StickyEventsWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
}

const EVERY_MS = 10 * 60_000
const ROWS_AT_ONCE = 500

/** Forgets, now and then, which events were sticky. The events stay. */
export const stickySweep = ({ writer, commit, clock, logger }: StickySweepParts): Chore =>
  new Chore({
    clock,
    logger,
    everyMs: EVERY_MS,
    failure: 'events that are not sticky any more could not be forgotten as such; tried again in ten minutes',
    round: (chore) =>
      chore.inPieces(async () => {
        const [gone] = await commit([writer.forget(clock.nowMs(), ROWS_AT_ONCE)])
        return gone === ROWS_AT_ONCE
      }),
  })
