import type { Readable } from 'node:stream'
import { MatrixError } from '#spec'
import {
  type Change,
  type Commit,
  type MediaFiles,
  type MediaReader,
  type MediaWriter,
  type RemoteMediaName,
  type RemoteMediaReader,
  type RemoteMediaWriter,
  type Turns,
  type UnusedFile,
  type UrlPreviewReader,
  type UrlPreviewWriter,
  WriteConflict,
} from '#store'
import { type Received, receive } from './receive.ts'

export interface MediaStore {
  readonly reader: MediaReader
  readonly writer: MediaWriter
  readonly previews: { readonly reader: UrlPreviewReader; readonly writer: UrlPreviewWriter }
  readonly remote: { readonly reader: RemoteMediaReader; readonly writer: RemoteMediaWriter }
  readonly commit: Commit
  readonly files: MediaFiles
}

/** A file that is new here, as whoever brings it says; all but its bytes may be wrong. */
export interface NewFile {
  /** Its `mxc:` URI. */
  readonly uri: string
  readonly contentType: string
  readonly fileName: string | undefined
}

/** `path`: of the file, which must not be changed and may be gone afterwards. */
export type MediaScan = (file: NewFile & Received, path: string) => Promise<void>

export interface StoredBytesParts {
  readonly store: MediaStore
  /** Turns by the hash of the bytes: of this process if the files are in its own folder, shared if several processes have access to them. */
  readonly turns: Turns
  /** Looks at new files before anybody can have them. Throws what is told to whoever brings one. undefined: none are looked at. */
  readonly scan?: MediaScan | undefined
}

/**
 * Files and the rows that name them. The first row for some bytes is added, and the last one removed, in the turn of
 * their hash, so that keeping and removing never overtake each other.
 */
export class StoredBytes {
  readonly #store: MediaStore
  readonly #turns: Turns
  readonly #scan: MediaScan | undefined

  constructor({ store, turns, scan }: StoredBytesParts) {
    this.#scan = scan
    this.#store = store
    this.#turns = turns
  }

  /**
   * Keeps the bytes of a stream, and then commits the changes that `write` returns, which may read the kept file. If either
   * fails, the bytes are removed unless another media has them. `about`: of a file that is to be looked at first. Throws `M_TOO_LARGE`, `WriteConflict`, and what `write` throws.
   */
  async take(
    stream: Readable,
    limitBytes: number,
    write: (received: Received) => Promise<readonly Change<unknown>[]>,
    about?: NewFile,
  ): Promise<void> {
    const draft = await this.#store.files.draft()
    const received = await receive(stream, draft, limitBytes).catch(async (error: unknown) => {
      await draft.discard()
      throw error
    })
    await this.#turns.run(received.sha256, async () => {
      await draft.keep(received.sha256)
      try {
        if (about !== undefined) await this.#scanned({ ...about, ...received })
        await this.#store.commit(await write(received))
      } catch (error) {
        // Surely not committed. After a fault of the database that is unknown, so the bytes stay until the sweep.
        if (error instanceof MatrixError || error instanceof WriteConflict) await this.#drop(received.sha256)
        throw error
      }
    })
  }

  /** Removes a media; the last media of some bytes takes them along. An unknown id is no error. */
  async remove(mediaId: string): Promise<void> {
    const { reader, writer } = this.#store
    await this.#remove((await reader.media(mediaId))?.content?.sha256 ?? '', writer.remove(mediaId))
  }

  /** Removes the copy of a media of another server in the same way. */
  async removeCopy(name: RemoteMediaName): Promise<void> {
    const { reader, writer } = this.#store.remote
    await this.#remove((await reader.media(name))?.content.sha256 ?? '', writer.remove(name))
  }

  /** Removes a file if no row names it. Returns whether it did. */
  async removeUnnamed(fileName: string): Promise<boolean> {
    const [sha256 = fileName] = fileName.split('.', 1)
    return this.#turns.run(sha256, async () => {
      const named = await this.#store.reader.named([fileName])
      if (named.has(fileName)) return false
      await this.#store.files.remove(fileName)
      return true
    })
  }

  async #remove(sha256: string, change: Change<UnusedFile | undefined>): Promise<void> {
    const { commit, files } = this.#store
    await this.#turns.run(sha256, async () => {
      const [unused] = await commit([change])
      if (unused === undefined) return
      for (const variant of unused.variants) await files.remove(`${unused.sha256}.${variant}`)
      await files.remove(unused.sha256)
    })
  }

  async #scanned(file: NewFile & Received): Promise<void> {
    const scan = this.#scan
    if (scan !== undefined) await this.#store.files.withPath(file.sha256, (path) => scan(file, path))
  }

  async #drop(sha256: string): Promise<void> {
    if (!(await this.#store.reader.hasFile(sha256))) await this.#store.files.remove(sha256)
  }
}
