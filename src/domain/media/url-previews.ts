import { BoundedCache, BoundedWork, type CacheStats, type Clock, type Logger, type Random, unlessAborted } from '#base'
import { decodeText, type FetchedUrl, type UrlFetcher, UrlFetchFailed, UrlRefused } from '#net'
import { isJsonObject, type JsonObject, MatrixError, type ServerName, type UserId } from '#spec'
import { type Change, type UrlPreview, WriteConflict } from '#store'
import type { ImageLibrary } from './image-library.ts'
import { cleanText, type PageFacts, readPage } from './page-reader.ts'
import type { Received } from './receive.ts'
import type { MediaStore, StoredBytes } from './stored-bytes.ts'

export interface UrlPreviewOptions {
  readonly serverName: ServerName
  /** Time limit for page and picture together. */
  readonly timeoutMs: number
  /** The largest page or picture that is fetched. */
  readonly limitBytes: number
  /** Time for which a preview is served without fetching the page again. */
  readonly freshForMs: number
  readonly lifetimeMs: number
  /** Bytes of all pictures together; beyond it previews have none. */
  readonly storageBytes: number
  readonly atOnce: number
  /** Counts fetches. Throws `M_LIMIT_EXCEEDED`. */
  consume(user: UserId): Promise<void>
}

export interface UrlPreviewTools {
  readonly fetcher: UrlFetcher
  readonly images: ImageLibrary
  readonly clock: Clock
  readonly random: Random
  /** Logs at level debug why there is no preview. */
  readonly logger: Logger
}

const MAX_URL_LENGTH = 2_000
const MAX_WAITING = 100
const ID_LENGTH = 24
/** Time for which a URL that could not be fetched is not tried again for anybody. */
const FAILURE_LASTS_MS = 60_000
/** No user's number: these pictures belong to the server and count against no quota. */
const OWN = 0
const ACCEPT_PAGE = 'text/html,application/xhtml+xml,image/*;q=0.9,*/*;q=0.5'
const ACCEPT_IMAGE = 'image/webp,image/png,image/jpeg,image/gif,image/avif,image/*;q=0.5'
const PAGES: ReadonlySet<string> = new Set(['text/html', 'application/xhtml+xml'])

interface Found {
  readonly answer: JsonObject
  /** A preview that is stored already, with its picture. */
  readonly stored: boolean
  readonly images: readonly URL[]
}

export interface UrlPreviewsParts {
  readonly store: MediaStore
  readonly bytes: StoredBytes
  readonly tools: UrlPreviewTools
  readonly options: UrlPreviewOptions
}

/**
 * Previews of URLs in messages (client-server API, "Content repository"). Each URL is fetched once
 * at a time, a few of them at a time, and kept; its picture becomes a media of this server.
 */
export class UrlPreviews {
  readonly #parts: UrlPreviewsParts
  readonly #work: BoundedWork
  readonly #underWay = new Map<string, Promise<JsonObject>>()
  readonly #closing = new AbortController()
  readonly #failed = new BoundedCache<string, { readonly untilMs: number }>({
    name: 'urlPreviewFailures',
    limitBytes: 512 * 1024,
    sizeBytes: () => 40,
  })

  constructor(parts: UrlPreviewsParts) {
    this.#parts = parts
    this.#work = new BoundedWork({ concurrency: parts.options.atOnce, maxWaiting: MAX_WAITING })
  }

  /**
   * OpenGraph properties, possibly none. `wantedMs`: the preview as of that time if it is known, in milliseconds since the epoch. `signal` ends
   * this wait, but not the fetch if others wait for it too. Throws
   * `M_INVALID_PARAM` for a text that is no URL, `M_FORBIDDEN` for a URL that may not be fetched, `M_LIMIT_EXCEEDED`, and `M_UNKNOWN` (502) if there is no answer.
   */
  async preview(user: UserId, text: string, wantedMs: number | undefined, signal: AbortSignal): Promise<JsonObject> {
    const url = this.#urlOf(text)
    const kept = await this.#kept(url, wantedMs)
    if (kept !== undefined) return kept
    const failed = this.#failed.get(url.href)
    if (failed !== undefined && failed.untilMs > this.#parts.tools.clock.monotonicMs()) throw noAnswer()
    await this.#parts.options.consume(user)
    return unlessAborted(this.#underWay.get(url.href) ?? this.#begin(url), signal, noAnswer)
  }

  stats(): CacheStats {
    return this.#failed.stats()
  }

  /** Ends fetches under way; requests that wait for them get no preview. */
  async stop(): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled([...this.#underWay.values()])
  }

  #begin(url: URL): Promise<JsonObject> {
    // An earlier request may have fetched it meanwhile.
    const fetching = this.#work
      .run(async () => (await this.#kept(url, undefined)) ?? this.#fetch(url))
      .finally(() => {
        this.#underWay.delete(url.href)
      })
    this.#underWay.set(url.href, fetching)
    return fetching
  }

  #urlOf(text: string): URL {
    const url = URL.parse(text)
    if (url === null) throw new MatrixError('M_INVALID_PARAM', 'url cannot be read as a URL')
    url.hash = ''
    if (url.href.length > MAX_URL_LENGTH) throw new MatrixError('M_INVALID_PARAM', 'url is too long')
    try {
      this.#parts.tools.fetcher.check(url)
    } catch (cause) {
      if (cause instanceof UrlRefused) throw new MatrixError('M_FORBIDDEN', 'This URL is not previewed', { cause })
      throw cause
    }
    return url
  }

  async #kept(url: URL, wantedMs: number | undefined): Promise<JsonObject | undefined> {
    const { reader } = this.#parts.store.previews
    const nowMs = this.#parts.tools.clock.nowMs()
    const atMs = Math.min(wantedMs ?? nowMs, nowMs)
    const then = await reader.preview(url.href, atMs)
    const kept = then === undefined && atMs < nowMs ? await reader.preview(url.href, nowMs) : then
    // An older preview may have lost its picture.
    if (kept === undefined || kept.fetchedMs <= nowMs - this.#parts.options.lifetimeMs) return undefined
    const answer: unknown = JSON.parse(kept.answerJson)
    return isJsonObject(answer) ? answer : undefined
  }

  async #fetch(url: URL): Promise<JsonObject> {
    const { clock } = this.#parts.tools
    const late = new AbortController()
    const cancel = clock.after(this.#parts.options.timeoutMs, () => late.abort())
    const signal = AbortSignal.any([late.signal, this.#closing.signal])
    try {
      return await this.#look(url, signal)
    } catch (error) {
      // Another process fetched it in the same millisecond.
      const theirs = error instanceof WriteConflict ? await this.#kept(url, undefined) : undefined
      if (theirs !== undefined) return theirs
      if (!isNoAnswer(error, signal)) throw error
      this.#parts.tools.logger.debug({ err: error, host: url.host }, 'a URL could not be previewed')
      this.#failed.set(url.href, { untilMs: clock.monotonicMs() + FAILURE_LASTS_MS })
      throw noAnswer(error)
    } finally {
      cancel()
    }
  }

  async #look(url: URL, signal: AbortSignal): Promise<JsonObject> {
    const { fetcher } = this.#parts.tools
    const { limitBytes } = this.#parts.options
    const found = await fetcher.get(url, { accept: ACCEPT_PAGE, signal, limitBytes }, (fetched) =>
      this.#find(url, fetched),
    )
    if (found.stored) return found.answer
    for (const image of found.images) {
      try {
        const wanted = { accept: ACCEPT_IMAGE, signal, limitBytes }
        return await fetcher.get(image, wanted, ({ body }) => this.#keepWithImage(url, found.answer, body))
      } catch (error) {
        // A page without its picture still has a preview.
        if (!(error instanceof UrlRefused || isNoAnswer(error, signal))) throw error
      }
    }
    await this.#keep(url, found.answer)
    return found.answer
  }

  async #find(asked: URL, { url, contentType, charset, body }: FetchedUrl): Promise<Found> {
    if (contentType.startsWith('image/')) {
      const name = cleanText(decoded(url.pathname.split('/').at(-1) ?? ''))
      const answer = await this.#keepWithImage(asked, name === '' ? {} : { 'og:title': name }, body)
      return { answer, stored: true, images: [] }
    }
    if (!PAGES.has(contentType)) return { answer: {}, stored: false, images: [] }
    const facts = await readPage(decodeText(body, charset), this.#parts.tools.clock)
    const base = URL.parse(facts.base ?? '', url) ?? url
    const images = facts.images.map((image) => URL.parse(image, base)).filter((image) => image !== null)
    return { answer: answerOf(facts), stored: false, images }
  }

  /** Throws `MatrixError` if the bytes are no picture. */
  async #keepWithImage(url: URL, page: JsonObject, body: FetchedUrl['body']): Promise<JsonObject> {
    const { images, random, clock } = this.#parts.tools
    const { writer, files } = this.#parts.store
    const mediaId = random.token(ID_LENGTH)
    let answer = page
    const write = async ({ sha256, sizeBytes }: Received): Promise<readonly Change<unknown>[]> => {
      const facts = await files.withPath(sha256, (path) => images.facts(path))
      if (facts === undefined) throw noAnswer()
      // The bytes of the picture decide its type, not the page.
      const contentType = `image/${facts.format}`
      answer = {
        ...page,
        'og:image': `mxc://${this.#parts.options.serverName}/${mediaId}`,
        'og:image:type': contentType,
        'og:image:width': facts.width,
        'og:image:height': facts.height,
        'matrix:image:size': sizeBytes,
      }
      const content = { sha256, sizeBytes, contentType, fileName: undefined }
      return [
        writer.add({ mediaId, user: OWN, atMs: clock.nowMs(), content, quotaBytes: this.#parts.options.storageBytes }),
        this.#parts.store.previews.writer.add(this.#previewOf(url, answer, mediaId)),
      ]
    }
    try {
      await this.#parts.bytes.take(body, this.#parts.options.limitBytes, write)
    } catch (error) {
      throw error instanceof WriteConflict && error.kind === 'media-quota' ? noAnswer(error) : error
    }
    return answer
  }

  async #keep(url: URL, answer: JsonObject): Promise<void> {
    await this.#parts.store.commit([this.#parts.store.previews.writer.add(this.#previewOf(url, answer, undefined))])
  }

  #previewOf(url: URL, answer: JsonObject, mediaId: string | undefined): UrlPreview {
    const fetchedMs = this.#parts.tools.clock.nowMs()
    const staleMs = fetchedMs + this.#parts.options.freshForMs
    return { url: url.href, fetchedMs, staleMs, answerJson: JSON.stringify(answer), mediaId }
  }
}

const answerOf = ({ properties, title, description }: PageFacts): JsonObject => ({
  ...Object.fromEntries(properties),
  ...(title === undefined ? {} : { 'og:title': title }),
  ...(description === undefined ? {} : { 'og:description': description }),
})

/** The error for clients. It tells no reason, which would reveal the operator's network. */
const noAnswer = (cause?: unknown): MatrixError =>
  new MatrixError('M_UNKNOWN', 'There is no preview of this URL', { status: 502, cause })

const NETWORK_FAULT = /^(?:E[A-Z]+|ERR_[A-Z_]+|HPE_[A-Z_]+|Z_[A-Z_]+|UND_[A-Z_]+)$/

/** Whether the failure is the other end's, or a time limit. */
const isNoAnswer = (error: unknown, signal: AbortSignal): boolean => {
  if (signal.aborted || error instanceof UrlFetchFailed || error instanceof MatrixError) return true
  return error instanceof Error && 'code' in error && NETWORK_FAULT.test(String(error.code))
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
