import { constants } from 'node:fs'
import { access, type FileHandle, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { KeyedLock, type Random } from '#base'
import { makeFolder } from '../make-folder.ts'
import type { FileDraft, FileName, MediaFiles, StoredFile } from '../ports/media/media-files.ts'
import { codeOf, diskFault } from './disk-fault.ts'
import { checkFileName, isFileName } from './file-names.ts'

/** Syncs a folder, which makes the renames in it durable. */
const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const exists = async (path: string): Promise<boolean> => {
  try {
    await access(path)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

/** The subfolders of a folder. Drafts have longer names. */
const foldersIn = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && entry.name.length === 2)
    .map(({ name }) => name)

/**
 * Files in a folder, in two levels of subfolders by the first letters of their names. Drafts are renamed into place
 * when they are complete, so a crash leaves no half-written file; its drafts are removed when the folder is
 * opened next. Only one process uses the folder: the lock of the data folder ensures it.
 */
export const openMediaFolder = async (folder: string, random: Random): Promise<MediaFiles> => {
  const drafts = join(folder, 'drafts')
  await makeFolder(drafts)
  for (const left of await readdir(drafts)) await unlink(join(drafts, left))
  return new LocalFolder(folder, drafts, random)
}

/**
 * A file goes to the disk piece by piece while it comes, and one piece of all files at a time. Synced at its end alone, all of it at once would stand before the database's next
 * commit: a file system with a journal writes the data of new files first.
 */
const SYNCED_EVERY_BYTES = 256 * 1024

class LocalFolder implements MediaFiles {
  readonly #folder: string
  readonly #drafts: string
  readonly #random: Random
  /** Serialises the making of a subfolder, so that no file in it counts as durable before the subfolder is. */
  readonly #placing = new KeyedLock<string>()
  readonly #syncing = new KeyedLock<'disk'>()

  constructor(folder: string, drafts: string, random: Random) {
    this.#folder = folder
    this.#drafts = drafts
    this.#random = random
  }

  async draft(): Promise<FileDraft> {
    const path = join(this.#drafts, this.#random.token(24))
    try {
      const handle = await open(path, 'wx', 0o600)
      return new LocalDraft({
        handle,
        path,
        place: (name) => this.#placing.run(name.slice(0, 2), () => this.#place(path, name)),
        sync: (sync) => this.#syncing.run('disk', sync),
      })
    } catch (error) {
      throw diskFault(error)
    }
  }

  async open(name: FileName, range?: { readonly start: number; readonly end: number }): Promise<Readable | undefined> {
    try {
      const handle = await open(this.#pathOf(name), 'r')
      // The stream closes the handle, even when it is destroyed.
      return handle.createReadStream({ highWaterMark: 65_536, ...range })
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw diskFault(error)
    }
  }

  async withPath<Result>(name: FileName, use: (path: string) => Promise<Result>): Promise<Result | undefined> {
    const path = this.#pathOf(name)
    return (await exists(path)) ? use(path) : undefined
  }

  async remove(name: FileName): Promise<void> {
    try {
      await unlink(this.#pathOf(name))
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw diskFault(error)
    }
  }

  async *list(): AsyncIterable<StoredFile> {
    for (const outer of await foldersIn(this.#folder)) {
      for (const inner of await foldersIn(join(this.#folder, outer))) {
        const shard = join(this.#folder, outer, inner)
        for (const name of await readdir(shard)) {
          const stats = isFileName(name) ? await stat(join(shard, name)).catch(() => undefined) : undefined
          if (stats?.isFile() === true) yield { name, writtenMs: stats.mtimeMs }
        }
      }
    }
  }

  /** Nothing to close: handles belong to the streams that read. */
  close(): void {}

  #pathOf(name: FileName): string {
    checkFileName(name)
    return join(this.#folder, name.slice(0, 2), name.slice(2, 4), name)
  }

  async #place(draft: string, name: FileName): Promise<void> {
    const path = this.#pathOf(name)
    if (await exists(path)) {
      await unlink(draft)
      return
    }
    const shard = dirname(path)
    if (await makeFolder(shard)) {
      await syncFolder(this.#folder)
      await syncFolder(dirname(shard))
    }
    await rename(draft, path)
    await syncFolder(shard)
  }
}

interface LocalDraftParts {
  readonly handle: FileHandle
  readonly path: string
  readonly place: (name: FileName) => Promise<void>
  /** Runs a sync when no other one runs. */
  readonly sync: (sync: () => Promise<void>) => Promise<void>
}

class LocalDraft implements FileDraft {
  readonly #handle: FileHandle
  readonly #path: string
  readonly #place: LocalDraftParts['place']
  readonly #sync: LocalDraftParts['sync']
  #closed = false
  #unsyncedBytes = 0

  constructor({ handle, path, place, sync }: LocalDraftParts) {
    this.#handle = handle
    this.#path = path
    this.#place = place
    this.#sync = sync
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      // `write` may write only a part; this writes all.
      await this.#handle.appendFile(bytes)
      this.#unsyncedBytes += bytes.length
      if (this.#unsyncedBytes < SYNCED_EVERY_BYTES) return
      this.#unsyncedBytes = 0
      await this.#sync(() => this.#handle.datasync())
    } catch (error) {
      throw diskFault(error)
    }
  }

  async keep(name: FileName): Promise<void> {
    try {
      await this.#sync(() => this.#handle.sync())
      this.#closed = true
      await this.#handle.close()
      await this.#place(name)
    } catch (error) {
      await this.discard()
      throw diskFault(error)
    }
  }

  async discard(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true
      await this.#handle.close().catch(() => {})
    }
    await unlink(this.#path).catch(() => {})
  }
}
