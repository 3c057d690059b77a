import { BoundedCache, BoundedWork, type CacheStats, type Clock } from '#base'
import { MatrixError } from '#spec'
import { type MediaContent, type ThumbnailRecord, WriteConflict } from '#store'
import type { ImageLibrary } from './image-library.ts'
import type { MediaStore } from './stored-bytes.ts'
import { type ImageFacts, planThumbnail, type ThumbnailPlan, type ThumbnailRequest } from './thumbnail-sizes.ts'

/** An image file as it is to be served; open it with `Media.open`. */
export interface ServedThumbnail {
  readonly fileName: string
  readonly contentType: string
  readonly sizeBytes: number
}

/** Limit of waiting requests; beyond it the answer is 503. */
const MAX_WAITING = 200
/** Larger files get no thumbnail. */
const MAX_SOURCE_BYTES = 256 * 1024 * 1024
/** Time for which a file that could not be read is not tried again. */
const REFUSAL_LASTS_MS = 600_000

const FACTS_BYTES = 200
/** An error with its stack. */
const ERROR_BYTES = 1_200

type Outcome =
  | { readonly ok: true; readonly facts: ImageFacts }
  | { readonly ok: false; readonly error: MatrixError; readonly untilMs: number }

export interface ThumbnailsParts {
  readonly store: MediaStore
  readonly images: ImageLibrary
  readonly clock: Clock
  /** Images that are read or made at the same time. */
  readonly concurrency: number
}

/** Makes thumbnails: each once, a few at a time, and kept as long as the bytes it was made from. */
export class Thumbnails {
  readonly #parts: ThumbnailsParts
  readonly #work: BoundedWork
  readonly #underWay = new Map<string, Promise<ThumbnailRecord>>()
  readonly #looking = new Map<string, Promise<ImageFacts>>()
  readonly #known = new BoundedCache<string, Outcome>({
    name: 'images',
    limitBytes: 4 * 1024 * 1024,
    sizeBytes: ({ ok }) => (ok ? FACTS_BYTES : ERROR_BYTES),
  })

  constructor(parts: ThumbnailsParts) {
    this.#parts = parts
    this.#work = new BoundedWork({ concurrency: parts.concurrency, maxWaiting: MAX_WAITING })
  }

  /**
   * The thumbnail nearest to the request; it is made if it does not exist. Throws `M_UNKNOWN` (400) for a file that is no
   * image, `M_TOO_LARGE` for an image that is too large, `M_NOT_FOUND` if the file is gone.
   */
  async thumbnail(content: MediaContent, wanted: ThumbnailRequest): Promise<ServedThumbnail> {
    const { sha256, sizeBytes } = content
    if (sizeBytes > MAX_SOURCE_BYTES) throw new MatrixError('M_TOO_LARGE', 'The file is too large for a thumbnail')
    const facts = await this.#factsOf(sha256)
    const plan = planThumbnail(facts, wanted)
    // The type is that of the bytes and not that of the upload, as the file is shown inline.
    if (plan.kind === 'original') return { fileName: sha256, contentType: `image/${facts.format}`, sizeBytes }
    const made =
      (await this.#parts.store.reader.thumbnail(sha256, plan.variant)) ?? (await this.#once(sha256, plan, facts))
    return { fileName: nameOf(sha256, plan.variant), contentType: made.contentType, sizeBytes: made.sizeBytes }
  }

  /** The media type of an image that may be shown as a thumbnail; undefined for other files. Throws `M_NOT_FOUND` if the file is gone. */
  async typeOf(sha256: string): Promise<string | undefined> {
    try {
      return `image/${(await this.#factsOf(sha256)).format}`
    } catch (error) {
      if (error instanceof MatrixError && error.errcode !== 'M_NOT_FOUND') return undefined
      throw error
    }
  }

  stats(): CacheStats {
    return this.#known.stats()
  }

  async #factsOf(sha256: string): Promise<ImageFacts> {
    const known = this.#known.get(sha256)
    if (known?.ok === true) return known.facts
    if (known !== undefined && known.untilMs > this.#parts.clock.monotonicMs()) throw known.error
    const underWay = this.#looking.get(sha256)
    if (underWay !== undefined) return underWay
    const looking = this.#work.run(() => this.#remembering(sha256, (path) => this.#parts.images.facts(path)))
    this.#looking.set(sha256, looking)
    try {
      const facts = await looking
      this.#known.set(sha256, { ok: true, facts })
      return facts
    } finally {
      this.#looking.delete(sha256)
    }
  }

  #once(sha256: string, plan: ThumbnailPlan & { kind: 'made' }, facts: ImageFacts): Promise<ThumbnailRecord> {
    const name = nameOf(sha256, plan.variant)
    const underWay = this.#underWay.get(name)
    if (underWay !== undefined) return underWay
    const making = this.#work
      .run(() => this.#make(sha256, plan, facts))
      .finally(() => {
        this.#underWay.delete(name)
      })
    this.#underWay.set(name, making)
    return making
  }

  async #make(sha256: string, plan: ThumbnailPlan & { kind: 'made' }, facts: ImageFacts): Promise<ThumbnailRecord> {
    const { reader, writer, commit, files } = this.#parts.store
    // Another request may have made it a moment earlier.
    const there = await reader.thumbnail(sha256, plan.variant)
    if (there !== undefined) return there
    const image = await this.#remembering(sha256, (path) => this.#parts.images.make(path, plan, facts))
    const record = { variant: plan.variant, contentType: image.contentType, sizeBytes: image.bytes.length }
    const name = nameOf(sha256, plan.variant)
    const draft = await files.draft()
    try {
      await draft.write(image.bytes)
    } catch (error) {
      await draft.discard()
      throw error
    }
    // A file of an earlier try, which no row names, may have been made by another release.
    await files.remove(name)
    await draft.keep(name)
    try {
      await commit([writer.addThumbnail(sha256, record)])
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
      await files.remove(name)
      throw noFile()
    }
    return record
  }

  /** Remembers files that are no images, so that they are not decoded again for each request. */
  async #remembering<Result>(sha256: string, look: (path: string) => Promise<Result>): Promise<Result> {
    const result = await this.#parts.store.files.withPath(sha256, look).catch((error: unknown) => {
      if (error instanceof MatrixError) {
        const untilMs = this.#parts.clock.monotonicMs() + REFUSAL_LASTS_MS
        this.#known.set(sha256, { ok: false, error, untilMs })
      }
      throw error
    })
    if (result === undefined) throw noFile()
    return result
  }
}

const noFile = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such media')

const nameOf = (sha256: string, variant: string): string => `${sha256}.${variant}`
