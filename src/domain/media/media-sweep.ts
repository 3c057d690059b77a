import { Chore, type Clock, type Logger, yieldToEventLoop } from '#base'
import type { StoredFile } from '#store'
import type { MediaStore, StoredBytes } from './stored-bytes.ts'

export interface MediaSweepParts {
  readonly store: MediaStore
  readonly bytes: StoredBytes
  readonly clock: Clock
  readonly logger: Logger
  /** Time for which the preview of a URL and its picture are kept. */
  readonly previewLifetimeMs: number
}

const EVERY_MS = 6 * 3_600_000
/** Younger files may still get their row, which is written a moment after the file. */
const GRACE_MS = 3_600_000
const FILES_AT_ONCE = 200
const PREVIEWS_AT_ONCE = 100

/**
 * Removes data that nobody can reach any more: announced uploads that did not come in time, old previews of URLs with their pictures,
 * and files without a row, left by a crash between file and row. Safe beside running uploads: a file is removed in the
 * turn of its hash, after another check, and only if it is not young.
 */
export class MediaSweep {
  readonly #parts: MediaSweepParts
  readonly #chore: Chore

  constructor(parts: MediaSweepParts) {
    this.#parts = parts
    this.#chore = new Chore({
      clock: parts.clock,
      logger: parts.logger,
      everyMs: EVERY_MS,
      failure: 'the media could not be swept; tried again in six hours',
      round: () => this.#sweep(),
    })
  }

  /** Sweeps now, then every six hours. */
  start(): void {
    this.#chore.start()
  }

  /** Resolves when the sweep under way has ended. */
  stop(): Promise<void> {
    return this.#chore.stop()
  }

  async #sweep(): Promise<void> {
    const { commit, writer } = this.#parts.store
    await commit([writer.dropExpired(this.#parts.clock.nowMs())])
    await this.#sweepPreviews()
    await this.#sweepFiles()
  }

  async #sweepPreviews(): Promise<void> {
    const { commit, previews } = this.#parts.store
    const beforeMs = this.#parts.clock.nowMs() - this.#parts.previewLifetimeMs
    while (!this.#chore.stopped) {
      const old = await previews.reader.fetchedBefore(beforeMs, PREVIEWS_AT_ONCE)
      for (const { url, fetchedMs, mediaId } of old) {
        // The picture goes first: otherwise a crash in between would leave a picture that no row names.
        if (mediaId !== undefined) await this.#parts.bytes.remove(mediaId)
        await commit([previews.writer.remove(url, fetchedMs)])
      }
      if (old.length < PREVIEWS_AT_ONCE) return
    }
  }

  async #sweepFiles(): Promise<void> {
    const { clock, logger } = this.#parts
    let removed = 0
    let batch: StoredFile[] = []
    for await (const file of this.#parts.store.files.list()) {
      if (this.#chore.stopped) return
      if (batch.push(file) < FILES_AT_ONCE) continue
      removed += await this.#sweepBatch(batch)
      batch = []
      await yieldToEventLoop(clock)
    }
    removed += await this.#sweepBatch(batch)
    if (removed > 0) logger.info({ removed }, 'media files that nothing named were removed')
  }

  async #sweepBatch(files: readonly StoredFile[]): Promise<number> {
    if (files.length === 0) return 0
    const beforeMs = this.#parts.clock.nowMs() - GRACE_MS
    const old = files.filter(({ writtenMs }) => writtenMs < beforeMs).map(({ name }) => name)
    if (old.length === 0) return 0
    const named = await this.#parts.store.reader.named(old)
    let removed = 0
    for (const name of old) if (!named.has(name) && (await this.#parts.bytes.removeUnnamed(name))) removed++
    return removed
  }
}
