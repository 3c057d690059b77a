import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** `SQLITE_BUSY`: somebody else holds the lock. */
const BUSY = 5

/** Another process holds the folder. */
export class FolderInUse extends Error {
  override readonly name = 'FolderInUse'
}

/**
 * Keeps a second server away from a data folder: two would each believe to know all that is new. A lock of the system's on
 * an empty SQLite file, as portable as SQLite is; it ends with the process, however that ends, so a crash leaves nothing to
 * clean up. Answers what lets go of it. Throws `FolderInUse`, and what the file system throws.
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
