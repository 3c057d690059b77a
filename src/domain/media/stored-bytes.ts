import type { Readable } from 'node:stream'
import { MatrixError } from '#spec'
import {
  type Change,
  type Commit,
  type MediaFiles,
  type MediaReader,
  type MediaWriter,
  type Turns,
  type UrlPreviewReader,
  type UrlPreviewWriter,
  WriteConflict,
} from '#store'
import { type Received, receive } from './receive.ts'

export interface MediaStore {
  readonly reader: MediaReader
  readonly writer: MediaWriter
  readonly previews: { readonly reader: UrlPreviewReader; readonly writer: UrlPreviewWriter }
  readonly commit: Commit
  readonly files: MediaFiles
}

export interface StoredBytesParts {
  readonly store: MediaStore
  /** By the hash of the bytes: in this process where the files are in its own folder, shared where several processes reach them. */
  readonly turns: Turns
}

/**
 * Files and the rows that name them. Whoever gives bytes a first row or takes their last one away does it in the turn of
 * their hash, so what is kept and what is removed never overtake each other.
 */
export class StoredBytes {
  readonly #store: MediaStore
  readonly #turns: Turns

  constructor({ store, turns }: StoredBytesParts) {
    this.#store = store
    this.#turns = turns
  }

  /**
   * Keeps what a stream brings, and then commits what `write` answers, which may look at the kept file before. Where either
   * refuses, the bytes go again, unless others have the same. Throws `M_TOO_LARGE`, `WriteConflict`, and what `write` throws.
   */
  async take(
    stream: Readable,
    limitBytes: number,
    write: (received: Received) => Promise<readonly Change<unknown>[]>,
  ): Promise<void> {
    const draft = await this.#store.files.draft()
    const received = await receive(stream, draft, limitBytes).catch(async (error: unknown) => {
      await draft.discard()
      throw error
    })
    await this.#turns.run(received.sha256, async () => {
      await draft.keep(received.sha256)
      try {
        await this.#store.commit(await write(received))
      } catch (error) {
        // Refused for certain; after a fault of the database nobody knows, and the bytes stay until the sweep.
        if (error instanceof MatrixError || error instanceof WriteConflict) await this.#drop(received.sha256)
        throw error
      }
    })
  }

  /** Takes a media away; its bytes go with the last media that has them. Nothing happens where there is none. */
  async remove(mediaId: string): Promise<void> {
    const { reader, writer, commit, files } = this.#store
    const sha256 = (await reader.media(mediaId))?.content?.sha256 ?? ''
    await this.#turns.run(sha256, async () => {
      const [unused] = await commit([writer.remove(mediaId)])
      if (unused === undefined) return
      for (const variant of unused.variants) await files.remove(`${unused.sha256}.${variant}`)
      await files.remove(unused.sha256)
    })
  }

  /** Removes a file that no row names. Answers whether it did. */
  async removeUnnamed(fileName: string): Promise<boolean> {
    const [sha256 = fileName] = fileName.split('.', 1)
    return this.#turns.run(sha256, async () => {
      const named = await this.#store.reader.named([fileName])
      if (named.has(fileName)) return false
      await this.#store.files.remove(fileName)
      return true
    })
  }

  async #drop(sha256: string): Promise<void> {
    if (!(await this.#store.reader.hasFile(sha256))) await this.#store.files.remove(sha256)
  }
}
