import { GrownRows } from '../../../bench/growth/rows.ts'
import type { TestHomeserver } from '../../support/homeserver.ts'

/** Stops the server, makes its database large, and starts it again. Only on SQLite. */
export const grow = async (homeserver: TestHomeserver, change: (rows: GrownRows) => void): Promise<void> => {
  await homeserver.whileStopped(async () => {
    const rows = new GrownRows(homeserver.databaseFile)
    try {
      change(rows)
    } finally {
      rows.close()
    }
  })
}

/** Processor time of this process, with all its threads, while `work` runs: in milliseconds. */
export const cpuMsOf = async (work: () => Promise<unknown>): Promise<number> => {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/**
 * Returns how many times the processor time of `few` the one of `many` is: the least of each, taken in turn, so that what else runs falls on both. Rounds go on
 * while the ratio is not below the given one, 40 at the most: what the server does behind its start or its growing ends meanwhile.
 */
export const ratioOfCosts = async (
  below: number,
  few: () => Promise<unknown>,
  many: () => Promise<unknown>,
): Promise<number> => {
  const least = { few: Number.POSITIVE_INFINITY, many: Number.POSITIVE_INFINITY }
  for (let round = 0; round < 40; round++) {
    least.few = Math.min(least.few, await cpuMsOf(few))
    least.many = Math.min(least.many, await cpuMsOf(many))
    if (round >= 3 && least.many / least.few < below) break
  }
  return least.many / least.few
}

/**
 * Returns the least processor time of so many rounds of work, in milliseconds, for what cannot be measured in turn. With `above` rounds go on while it is not
 * below that, 40 at the most.
 */
export const leastCpuMs = async (work: () => Promise<unknown>, above = Number.POSITIVE_INFINITY): Promise<number> => {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < 40 && (round < 8 || least >= above); round++) least = Math.min(least, await cpuMsOf(work))
  return least
}

/** Returns a function that does something so many times. */
export const repeatedly = (times: number, work: () => Promise<unknown>) => async (): Promise<void> => {
  for (let time = 0; time < times; time++) await work()
}
