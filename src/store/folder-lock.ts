import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** `SQLITE_BUSY`: somebody else holds the lock. */
const BUSY = 5

/** Another process holds the lock. */
export class LockHeld extends Error {
  override readonly name = 'LockHeld'
}

/** Keeps a second server away from a data folder, as each would take its caches for complete. Throws what `holdLock` throws. */
export const lockFolder = (folder: string): (() => void) => holdLock(join(folder, 'lock'))

/**
 * Holds a lock, which is that of SQLite on an empty file: it works wherever SQLite does and ends with the process, so a crash leaves nothing to clean up.
 * Returns the function that releases it. Throws `LockHeld`, and errors of the file system.
 */
export const holdLock = (path: string): (() => void) => {
  let file: DatabaseSync | undefined
  try {
    file = new DatabaseSync(path, { timeout: 0 })
    file.exec('begin exclusive')
  } catch (cause) {
    file?.close()
    if (cause instanceof Error && 'errcode' in cause && cause.errcode === BUSY)
      throw new LockHeld(`${path} is held`, { cause })
    throw cause
  }
  const held = file
  return () => held.close()
}
