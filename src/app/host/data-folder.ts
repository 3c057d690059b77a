import { constants } from 'node:fs'
import { access, open, readFile, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from '#base'
import { LockHeld, lockFolder, makeFolder } from '#store'
import { keyFileIn } from './key-file.ts'
import { codeOf, EXIT_CONFIG, reasonOf, StartError } from './start-error.ts'

/** Makes the folder, readable for this user alone, and checks that it can be written to. Throws `StartError`. */
export const prepareFolder = async (kind: 'data' | 'media', folder: string): Promise<void> => {
  try {
    await makeFolder(folder)
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new StartError(`The ${kind} folder ${folder} cannot be used: ${reasonOf(cause)}`, { cause })
  }
}

/** Locks the folder against a second server. Returns the function that unlocks it. Throws `StartError`. */
export const lockDataFolder = (folder: string): (() => void) => {
  try {
    return lockFolder(folder)
  } catch (cause) {
    if (cause instanceof LockHeld)
      throw new StartError(`The data folder ${folder} is in use by another Homeroom; choose another one with --data`, {
        exitCode: EXIT_CONFIG,
        cause,
      })
    throw new StartError(`The data folder ${folder} cannot be used: ${reasonOf(cause)}`, { cause })
  }
}

/** Writes the file of the signing key. Throws `StartError`. */
export const writeKeyFile = (folder: string, text: string): Promise<void> =>
  writeOnce(keyFileIn(folder), text).catch((cause: unknown) => {
    throw new StartError(`The signing key ${keyFileIn(folder)} cannot be written: ${reasonOf(cause)}`, { cause })
  })

/** The id of the database that the folder belongs to; undefined: of none yet. Throws `StartError`. */
export const databaseIdIn = async (folder: string): Promise<string | undefined> => {
  const file = join(folder, 'database.id')
  try {
    return await readText(file)
  } catch (cause) {
    throw new StartError(`The file ${file} cannot be read: ${reasonOf(cause)}`, { cause })
  }
}

/** Throws `StartError`. */
export const writeDatabaseId = async (folder: string, id: string): Promise<void> => {
  const file = join(folder, 'database.id')
  try {
    await writeOnce(file, `${id}\n`)
  } catch (cause) {
    throw new StartError(`The file ${file} cannot be written: ${reasonOf(cause)}`, { cause })
  }
}

/** The trimmed content of a file; undefined: it is missing or empty. */
const readText = async (file: string): Promise<string | undefined> => {
  try {
    const text = (await readFile(file, 'utf8')).trim()
    return text === '' ? undefined : text
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Name of the process that runs on the folder; the lock allows one, so it stays the same after a restart. Throws `StartError`. */
export const processIdIn = async (folder: string, random: Random): Promise<string> => {
  const file = join(folder, 'process.id')
  try {
    const known = await readText(file)
    if (known !== undefined) return known
    const made = random.token(24)
    await writeOnce(file, `${made}\n`)
    return made
  } catch (cause) {
    throw new StartError(`The file ${file} cannot be used: ${reasonOf(cause)}`, { cause })
  }
}

/** Writes a temporary file, syncs and renames it, so that a crash leaves a complete file or none. */
const writeOnce = async (file: string, text: string): Promise<void> => {
  const draft = `${file}.new`
  await unlink(draft).catch(() => {})
  const handle = await open(draft, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(draft, file)
}
