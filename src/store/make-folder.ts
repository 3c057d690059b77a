import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

/**
 * Makes a folder with those above it, for this user alone. Returns whether it was missing. Node's own `recursive` tries for ever where the path leads
 * over a link to nowhere, or into a file system that makes no folders. Throws errors of the file system, and an `Error` with a sentence.
 */
export const makeFolder = async (folder: string): Promise<boolean> => {
  try {
    return await makeOne(folder)
  } catch (error) {
    const above = dirname(folder)
    if (codeOf(error) !== 'ENOENT' || above === folder) throw error
    await makeFolder(above)
  }
  try {
    return await makeOne(folder)
  } catch (error) {
    throw codeOf(error) === 'ENOENT' ? new Error(`no folder can be made in ${dirname(folder)}`) : error
  }
}

const makeOne = async (folder: string): Promise<boolean> => {
  try {
    await mkdir(folder, { mode: 0o700 })
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && (await isFolder(folder))) return false
    throw error
  }
}

const isFolder = async (path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    throw codeOf(error) === 'ENOENT' ? new Error(`${path} is a link that leads nowhere`) : error
  }
}
