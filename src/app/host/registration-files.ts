import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { RegistrationFile, RegistrationFiles } from '#domain'
import { reasonOf } from './start-error.ts'

const MAX_FILES = 200
const MAX_BYTES = 256 * 1024

/** The registration files of application services, in the places that the configuration names: files, and folders of them. */
export class PlacedRegistrationFiles implements RegistrationFiles {
  readonly #places: readonly string[]

  constructor(places: readonly string[]) {
    this.#places = places
  }

  async read(): Promise<readonly RegistrationFile[]> {
    return Promise.all((await this.#list()).map(readOne))
  }

  /** A text that changes when one of the files does. */
  async mark(): Promise<string> {
    const marks = (await this.#list()).map(async (file) => {
      if ('problem' in file) return `${file.path} ${file.problem}`
      const { mtimeMs, size, ino } = await stat(file.path).catch(() => ({ mtimeMs: 0, size: 0, ino: 0 }))
      return `${file.path} ${mtimeMs} ${size} ${ino}`
    })
    return (await Promise.all(marks)).join('\n')
  }

  async #list(): Promise<readonly Found[]> {
    return (await Promise.all(this.#places.map(filesIn))).flat().slice(0, MAX_FILES)
  }
}

type Found = { readonly path: string } | Extract<RegistrationFile, { readonly problem: string }>

const filesIn = async (place: string): Promise<readonly Found[]> => {
  try {
    if (!(await stat(place)).isDirectory()) return [{ path: place }]
    const names = (await readdir(place)).filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort()
    return names.map((name) => ({ path: join(place, name) }))
  } catch (error) {
    return [{ path: place, problem: `it cannot be read: ${reasonOf(error)}` }]
  }
}

const readOne = async (found: Found): Promise<RegistrationFile> => {
  if ('problem' in found) return found
  const { path } = found
  try {
    const file = await open(path)
    try {
      // One byte more than is taken, so that a file that is too large is told from one that just fits.
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES + 1), 0, MAX_BYTES + 1, 0)
      return { path, text: buffer.toString('utf8', 0, bytesRead) }
    } finally {
      await file.close()
    }
  } catch (error) {
    return { path, problem: `it cannot be read: ${reasonOf(error)}` }
  }
}
