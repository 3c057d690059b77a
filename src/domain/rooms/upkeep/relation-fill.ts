import { Chore, type Clock, type Logger } from '#base'
import type { Commit, RelationsWriter } from '#store'

export interface RelationFillParts {
  readonly writer: RelationsWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
}

const EVERY_MS = 6 * 3_600_000
/** Events that one commit looks at; others write between two of these. Each may have 64 KiB. */
const EVENTS_AT_ONCE = 200

/** Finds the relations among events that were stored before there was an index of them, in pieces. It goes on where it ended, also after a restart. */
export const relationFill = ({ writer, commit, clock, logger }: RelationFillParts): Chore =>
  new Chore({
    clock,
    logger,
    everyMs: EVERY_MS,
    failure: 'relations of older events could not be filled in; tried again in six hours',
    round: (chore) =>
      chore.inPieces(async () => {
        const [more] = await commit([writer.fillNext(EVENTS_AT_ONCE)])
        return more === true
      }),
  })
