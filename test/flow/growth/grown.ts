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
