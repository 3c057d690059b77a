import { Chore, type Clock, type Logger } from '#base'
import type { Commit, RoomOverviewsReader, RoomsWriter } from '#store'

const EVERY_MS = 3_600_000
const ROOMS_AT_ONCE = 20

/** Makes the overviews, as lists for administrators show them, of rooms from before there were any. */
export const overviewFill = (parts: {
  readonly reader: Pick<RoomOverviewsReader, 'unfilled'>
  readonly writer: Pick<RoomsWriter, 'fillOverviews'>
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
}): Chore =>
  new Chore({
    clock: parts.clock,
    logger: parts.logger,
    everyMs: EVERY_MS,
    failure: 'the list of rooms for administrators could not be filled; tried again in an hour',
    round: (chore) =>
      chore.inPieces(async () => {
        const rooms = await parts.reader.unfilled(ROOMS_AT_ONCE)
        if (rooms.length > 0) await parts.commit([parts.writer.fillOverviews(rooms)])
        return rooms.length === ROOMS_AT_ONCE
      }),
  })
