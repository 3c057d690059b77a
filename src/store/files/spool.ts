import { type FileHandle, open, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from '#base'
import { makeFolder } from '../make-folder.ts'
import { diskFault } from './disk-fault.ts'

/** A temporary file that is written once. */
export interface SpooledFile {
  readonly path: string
  readonly sizeBytes: number
  write(bytes: Uint8Array): Promise<void>
  /** Ends the writing; the file can be read now. */
  close(): Promise<void>
  /** Never throws. */
  remove(): Promise<void>
}

export interface Spool {
  create(): Promise<SpooledFile>
}

/** Opens a folder for temporary files and removes those of earlier processes. Only one process at a time may use it. */
export const openSpool = async (folder: string, random: Random): Promise<Spool> => {
  await makeFolder(folder)
  for (const left of await readdir(folder)) await unlink(join(folder, left))
  return {
    create: async () => {
      const path = join(folder, random.token(24))
      try {
        return new Spooled(await open(path, 'wx', 0o600), path)
      } catch (error) {
        throw diskFault(error)
      }
    },
  }
}

class Spooled implements SpooledFile {
  readonly path: string
  readonly #handle: FileHandle
  #closed = false
  sizeBytes = 0

  constructor(handle: FileHandle, path: string) {
    this.#handle = handle
    this.path = path
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      // `write` may write only a part; this writes all.
      await this.#handle.appendFile(bytes)
      this.sizeBytes += bytes.length
    } catch (error) {
      throw diskFault(error)
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#handle.close()
  }

  async remove(): Promise<void> {
    await this.close().catch(() => {})
    await unlink(this.path).catch(() => {})
  }
}
