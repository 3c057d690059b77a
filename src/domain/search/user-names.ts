import { Chore, type Clock, type Logger } from '#base'
import type { Change, Commit, UserDirectoryReader, UserDirectoryWriter } from '#store'

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
    round: (chore) => chore.inPieces(() => committed(commit, writer.fill())),
  })

export interface FormerNamesParts extends UserNamesParts {
  readonly reader: Pick<UserDirectoryReader, 'hasFormer'>
}

/** So long at most what is left of a former name stays in the index, unless very many change. */
const FORMER_EVERY_MS = 10_000

/** Takes pieces of former names out of the index of the directory of users, behind the changes of names. */
export const formerNamesWork = ({ reader, writer, commit, clock, logger }: FormerNamesParts): Chore =>
  new Chore({
    ...{ clock, logger },
    everyMs: FORMER_EVERY_MS,
    failure: 'pieces of former names are left in the directory of users; tried again',
    round: async (chore) => {
      if (await reader.hasFormer()) await chore.inPieces(() => committed(commit, writer.clearFormer()))
    },
  })

/** Returns whether there is more to do. */
const committed = async (commit: Commit, piece: Change<{ readonly more: boolean }>): Promise<boolean> => {
  const [{ more }] = await commit([piece])
  return more
}
