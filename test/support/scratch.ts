import { accessSync, constants, mkdtempSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MEMORY = '/dev/shm'
const NEEDED_BYTES = 4 * 1024 ** 3

/** Memory where there is plenty, for each commit waits for its disk, and no power fails here. The crash tests stay on the disk. */
const place = (): string => {
  try {
    accessSync(MEMORY, constants.W_OK)
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize > NEEDED_BYTES ? MEMORY : tmpdir()
  } catch {
    return tmpdir()
  }
}

/** A new folder for the data of a test, which removes it afterwards. */
export const scratchFolder = (name: string): string => mkdtempSync(join(place(), `homeroom-${name}-`))
