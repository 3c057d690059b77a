import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** `SQLITE_BUSY`: somebody else holds the lock. */
const BUSY = 5

/** Another process holds the folder. */
export class FolderInUse extends Error {
  override readonly name = 'FolderInUse'
}

/**
 * Keeps a second server away from a data folder, as each would take its caches for complete. The lock is that of SQLite on
 * an empty file, so it works wherever SQLite does and ends with the process: a crash leaves nothing to clean up.
 * Returns the function that releases it. Throws `FolderInUse`, and errors of the file system.
 */
export const lockFolder = (folder: string): (() => void) => {
  let file: DatabaseSync | undefined
  try {
    file = new DatabaseSync(join(folder, 'lock'), { timeout: 0 })
    file.exec('begin exclusive')
  } catch (cause) {
    file?.close()
    if (cause instanceof Error && 'errcode' in cause && cause.errcode === BUSY)
      throw new FolderInUse(`${folder} is in use`, { cause })
    throw cause
  }
  const held = file
  return () => held.close()
}
