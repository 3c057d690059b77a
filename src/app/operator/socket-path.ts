import { createHash } from 'node:crypto'
import { lstat, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StartError } from '../host/start-error.ts'

/** The kernel's limit for the path of a socket is 103 bytes on some systems. */
const LONGEST = 100

/**
 * The place where the server of a data folder hears its operator: a socket in the folder; for a folder with a long path, one in a folder of this user's own among the
 * temporary files. Throws `StartError` if somebody else has made that folder.
 */
export const socketPathOf = async (dataFolder: string): Promise<string> => {
  const name = createHash('sha256').update(dataFolder).digest('hex').slice(0, 16)
  if (process.platform === 'win32') return `\\\\.\\pipe\\homeroom-${name}`
  const inFolder = join(dataFolder, 'operator.sock')
  if (Buffer.byteLength(inFolder) <= LONGEST) return inFolder
  const folder = join(tmpdir(), `homeroom-${process.getuid?.() ?? 0}`)
  await mkdir(folder, { mode: 0o700 }).catch(() => {})
  const { uid, mode } = await lstat(folder)
  if (uid !== process.getuid?.() || (mode & 0o777) !== 0o700)
    throw new StartError(`The folder ${folder} belongs to somebody else, or others can use it: remove it`)
  return join(folder, `${name}.sock`)
}
