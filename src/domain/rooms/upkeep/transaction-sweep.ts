import { Chore, type Clock, type Logger } from '#base'
import type { Commit, TransactionsWriter } from '#store'

/**
 * How long a transaction id is remembered: the same request again within this time is the same request, later it is a new one. Clients
 * try again within minutes, and offline ones within hours; less than a day, so that a script that runs daily and counts from 1 sends each time.
 */
export const TRANSACTION_LIFETIME_MS = 20 * 3_600_000

export interface TransactionSweepParts {
  readonly writer: TransactionsWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
}

const EVERY_MS = 10 * 60_000
/** Events that one commit looks at; others write between two of these. Each may have 64 KiB, which SQLite writes anew. */
const EVENTS_AT_ONCE = 50

/** Forgets the transaction ids of events, every ten minutes, in pieces. It goes on where it ended, also after a restart, so each event is looked at once. */
export const transactionSweep = ({ writer, commit, clock, logger }: TransactionSweepParts): Chore =>
  new Chore({
    clock,
    logger,
    everyMs: EVERY_MS,
    failure: 'old transaction ids could not be forgotten; tried again in ten minutes',
    round: (chore) =>
      chore.inPieces(async () => {
        const [looked] = await commit([writer.forgetNext(clock.nowMs() - TRANSACTION_LIFETIME_MS, EVENTS_AT_ONCE)])
        return looked === EVENTS_AT_ONCE
      }),
  })
