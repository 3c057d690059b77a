import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { reasonOf, StartError } from './start-error.ts'

/** `SQLITE_BUSY`: somebody else holds the lock. */
const BUSY = 5

/**
 * Keeps a second server away from the data folder: two would each believe to know all that is new. A lock of the system's
 * on an empty SQLite file, as portable as SQLite is; it ends with the process, however that ends, so a crash leaves nothing
 * to clean up. Answers what lets go of it. Throws `StartError`.
 */
export const lockDataFolder = (folder: string): (() => void) => {
  let file: DatabaseSync | undefined
  try {
    file = new DatabaseSync(join(folder, 'lock'), { timeout: 0 })
    file.exec('begin exclusive')
  } catch (cause) {
    file?.close()
    if (cause instanceof Error && 'errcode' in cause && cause.errcode === BUSY) {
      throw new StartError(`The data folder ${folder} is in use by another Homeroom; choose one with --data`, { cause })
    }
    throw new StartError(`The data folder ${folder} cannot be used: ${reasonOf(cause)}`, { cause })
  }
  const held = file
  return () => held.close()
}
