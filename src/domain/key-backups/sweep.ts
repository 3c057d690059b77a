import { Chore, type Clock, type Logger } from '#base'
import type { Commit, KeyBackupsWriter } from '#store'

export interface KeyBackupSweepParts {
  readonly writer: KeyBackupsWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
}

const EVERY_MS = 10 * 60_000
const SESSIONS_AT_ONCE = 1_000

/** Removes the sessions of deleted backups, in pieces and now and then. A deleted backup itself is gone at once. */
export const keyBackupSweep = ({ writer, commit, clock, logger }: KeyBackupSweepParts): Chore =>
  new Chore({
    clock,
    logger,
    everyMs: EVERY_MS,
    failure: 'the keys of deleted backups could not be removed; tried again in ten minutes',
    round: (chore) => chore.inPieces(async () => (await commit([writer.sweep(SESSIONS_AT_ONCE)]))[0]),
  })
