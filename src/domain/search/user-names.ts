import { Chore, type Clock, type Logger } from '#base'
import type { Commit, UserDirectoryWriter } from '#store'

export interface UserNamesParts {
  readonly writer: UserDirectoryWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
}

const EVERY_MS = 3_600_000

/** Puts the accounts that an earlier version made into the directory of users. Begins where it ended, also after a restart. */
export const userNamesWork = ({ writer, commit, clock, logger }: UserNamesParts): Chore =>
  new Chore({
    ...{ clock, logger },
    everyMs: EVERY_MS,
    failure: 'not all accounts could be put into the directory of users; tried again in an hour',
    round: (chore) =>
      chore.inPieces(async () => {
        const [{ more }] = await commit([writer.fill()])
        return more
      }),
  })
