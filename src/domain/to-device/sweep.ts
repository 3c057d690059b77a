import { Chore, type Clock, type Logger } from '#base'
import type { Commit, ToDeviceReader, ToDeviceWriter } from '#store'

export interface ToDeviceSweepParts {
  readonly reader: ToDeviceReader
  readonly writer: ToDeviceWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
  /** Time after which the inbox of a device that nobody uses is cleared; undefined: never. */
  readonly unseenMs: number | undefined
}

const EVERY_MS = 10 * 60_000
/** Rows removed by one commit; others write between two of these. */
const ROWS_AT_ONCE = 1_000
const DEVICES_AT_ONCE = 100
/** A client may repeat a request for so long; another server must not for longer. */
const TRANSACTIONS_FOR_MS = 7 * 24 * 3_600_000

/**
 * Removes, in pieces and now and then, what is left of the inboxes of devices that are gone, transactions that nobody repeats any more, and the inboxes of devices that
 * nobody uses, where the operator wants that.
 */
export const toDeviceSweep = (parts: ToDeviceSweepParts): Chore => {
  const { clock, logger, writer, commit } = parts
  return new Chore({
    clock,
    logger,
    everyMs: EVERY_MS,
    failure: 'the inboxes of removed devices could not be cleared; tried again in ten minutes',
    round: async (chore) => {
      await chore.inPieces(async () => (await commit([writer.sweepGone(ROWS_AT_ONCE)]))[0])
      await chore.inPieces(async () => {
        const beforeMs = clock.nowMs() - TRANSACTIONS_FOR_MS
        const [removed] = await commit([writer.dropTransactions(beforeMs, ROWS_AT_ONCE)])
        return removed >= ROWS_AT_ONCE
      })
      await clearUnseen(parts, chore)
    },
  })
}

const clearUnseen = async (
  { commit, reader, writer, clock, unseenMs }: ToDeviceSweepParts,
  chore: Chore,
): Promise<void> => {
  if (unseenMs === undefined) return
  const beforeMs = clock.nowMs() - unseenMs
  let after = 0
  await chore.inPieces(async () => {
    const devices = await reader.unseenInboxes(beforeMs, after, DEVICES_AT_ONCE)
    for (const device of devices) {
      await chore.inPieces(async () => {
        const [removed] = await commit([writer.acknowledge(device, Number.MAX_SAFE_INTEGER, ROWS_AT_ONCE)])
        return removed === ROWS_AT_ONCE
      })
      after = device
    }
    return devices.length === DEVICES_AT_ONCE
  })
}
