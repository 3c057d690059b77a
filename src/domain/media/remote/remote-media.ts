import { Readable } from 'node:stream'
import { BoundedCache, BoundedWork, type CacheStats, type Clock, type Logger, unlessAborted } from '#base'
import { MatrixError, parseServerName, type ServerName } from '#spec'
import type { Commit, MediaContent, RemoteMediaName, RemoteMediaReader, RemoteMediaWriter } from '#store'
import type { Received } from '../receive.ts'
import type { StoredBytes } from '../stored-bytes.ts'
import type { ThumbnailRequest } from '../thumbnail-sizes.ts'
import { refusalOf } from './failures.ts'
import type { RemoteFiles } from './remote-files.ts'

/** Whoever asks, and on what terms. */
export interface RemoteAsker {
  /** The user, or the address of somebody unknown. */
  readonly countedAs: string
  /** Whether another server may be asked; otherwise there is only what was fetched before. */
  readonly allowRemote: boolean
  /** Ends the wait, but not the fetch, which others may wait for. */
  readonly signal: AbortSignal
}

export interface RemoteMediaLimits {
  readonly bytes: number
  readonly timeoutMs: number
  /** Counts fetches. Throws `M_LIMIT_EXCEEDED`. */
  consume(countedAs: string): Promise<void>
}

export interface RemoteMediaParts {
  readonly reader: RemoteMediaReader
  readonly writer: RemoteMediaWriter
  readonly commit: Commit
  readonly bytes: StoredBytes
  readonly files: Pick<RemoteFiles, 'get'>
  readonly limits: RemoteMediaLimits
  readonly clock: Clock
  readonly logger: Logger
}

/** Files of one server that are fetched at a time, and that wait: one that is slow holds up no other. */
const OF_ONE_SERVER = { concurrency: 6, maxWaiting: 200 }
const FETCHES_AT_ONCE = 400
/** Time for which a file that could not be had is not asked for again. */
const FAILURE_LASTS_MS = 60_000
const ERROR_BYTES = 1_200
const DAY_MS = 24 * 3_600_000
/** The grammar of media ids (client-server API, module "Content repository", "Security considerations"). */
const MEDIA_ID = /^[A-Za-z0-9_-]{1,255}$/

interface Work {
  readonly work: BoundedWork
  fetches: number
}

/** Media of other servers: fetched once, kept as copies, and served from these. */
export class RemoteMedia {
  readonly #parts: RemoteMediaParts
  readonly #underWay = new Map<string, Promise<MediaContent>>()
  readonly #byServer = new Map<ServerName, Work>()
  readonly #closing = new AbortController()
  readonly #failed = new BoundedCache<string, { readonly error: MatrixError; readonly untilMs: number }>({
    name: 'remoteMediaFailures',
    limitBytes: 2 * 1024 * 1024,
    sizeBytes: () => ERROR_BYTES,
  })

  constructor(parts: RemoteMediaParts) {
    this.#parts = parts
  }

  /**
   * The file, or with `thumbnail` what its server makes of it. Throws `M_NOT_FOUND`, `M_NOT_YET_UPLOADED`, `M_LIMIT_EXCEEDED`, `M_TOO_LARGE` and `M_UNKNOWN`
   * (502) where the server does not give it out in time.
   */
  async find(
    serverName: string,
    mediaId: string,
    asker: RemoteAsker,
    thumbnail?: ThumbnailRequest,
  ): Promise<MediaContent> {
    const server = parseServerName(serverName)
    if (server === undefined || !MEDIA_ID.test(mediaId)) throw noSuchMedia()
    const name = { server, mediaId, variant: thumbnail === undefined ? '' : variantOf(thumbnail) }
    const kept = await this.kept(name)
    if (kept !== undefined) return kept
    if (!asker.allowRemote) throw noSuchMedia()
    const key = `${server}/${mediaId}/${name.variant}`
    const failed = this.#failed.get(key)
    if (failed !== undefined && failed.untilMs > this.#parts.clock.monotonicMs()) throw failed.error
    await this.#parts.limits.consume(asker.countedAs)
    return unlessAborted(this.#underWay.get(key) ?? this.#begin(key, name, thumbnail), asker.signal, noSuchMedia)
  }

  /** The copy that is here. */
  async kept(name: RemoteMediaName): Promise<MediaContent | undefined> {
    const { reader, writer, commit, clock } = this.#parts
    const kept = await reader.media(name)
    if (kept === undefined) return undefined
    if (kept.usedMs < clock.nowMs() - DAY_MS) await commit([writer.use(name, clock.nowMs())])
    return kept.content
  }

  stats(): CacheStats {
    return this.#failed.stats()
  }

  /** Ends fetches under way; requests that wait for them get an error. */
  async stop(): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled([...this.#underWay.values()])
  }

  #begin(key: string, name: RemoteMediaName, thumbnail: ThumbnailRequest | undefined): Promise<MediaContent> {
    if (this.#underWay.size >= FETCHES_AT_ONCE) throw tooBusy()
    const fetching = this.#inTurn(name.server, () => this.#fetch(key, name, thumbnail)).finally(() => {
      this.#underWay.delete(key)
    })
    this.#underWay.set(key, fetching)
    return fetching
  }

  async #inTurn<Result>(server: ServerName, fetch: () => Promise<Result>): Promise<Result> {
    const ofServer = this.#byServer.get(server) ?? { work: new BoundedWork(OF_ONE_SERVER), fetches: 0 }
    this.#byServer.set(server, ofServer)
    ofServer.fetches++
    try {
      return await ofServer.work.run(fetch)
    } finally {
      if (--ofServer.fetches === 0) this.#byServer.delete(server)
    }
  }

  async #fetch(key: string, name: RemoteMediaName, thumbnail: ThumbnailRequest | undefined): Promise<MediaContent> {
    const { files, clock, limits, logger } = this.#parts
    const late = new AbortController()
    const cancel = clock.after(limits.timeoutMs, () => late.abort())
    const signal = AbortSignal.any([late.signal, this.#closing.signal])
    try {
      return await files.get({ ...name, thumbnail }, signal, (file) => this.#keep(name, file))
    } catch (failure) {
      const error = refusalOf(failure, signal)
      if (error === undefined) throw failure
      logger.debug({ err: failure, server: name.server, mediaId: name.mediaId }, 'a file of another server was not had')
      this.#failed.set(key, { error, untilMs: clock.monotonicMs() + FAILURE_LASTS_MS })
      throw error
    } finally {
      cancel()
    }
  }

  async #keep(
    name: RemoteMediaName,
    file: {
      readonly contentType: string
      readonly fileName: string | undefined
      readonly bytes: AsyncIterable<Uint8Array>
    },
  ): Promise<MediaContent> {
    const { bytes, writer, limits, clock } = this.#parts
    const { contentType, fileName } = file
    const stream = Readable.from(file.bytes, { objectMode: false })
    let content: MediaContent | undefined
    try {
      const write = async (received: Received) => {
        content = { ...received, contentType, fileName }
        return [writer.add(name, content, clock.nowMs())]
      }
      await bytes.take(stream, limits.bytes, write, {
        uri: `mxc://${name.server}/${name.mediaId}`,
        contentType,
        fileName,
      })
    } finally {
      stream.destroy()
    }
    if (content === undefined) throw noSuchMedia()
    // Another process may have fetched it a moment earlier, and that copy stays.
    return (await this.kept(name)) ?? content
  }
}

const variantOf = ({ width, height, method, animated }: ThumbnailRequest): string =>
  `${method}-${width}x${height}${animated ? '-animated' : ''}`

const noSuchMedia = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such media')

const tooBusy = (): MatrixError =>
  new MatrixError('M_LIMIT_EXCEEDED', 'Too many files are fetched from other servers', {
    fields: { retry_after_ms: 5_000 },
    headers: { 'Retry-After': '5' },
  })
