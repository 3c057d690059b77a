import type { Readable } from 'node:stream'
import type { Clock, Random } from '#base'
import { MatrixError, type ServerName } from '#spec'
import { type Change, type MediaContent, type MediaRecord, type NewMedia, type UserNumber, WriteConflict } from '#store'
import { tooLarge } from './receive.ts'
import { contentTypeOf } from './remote/file-headers.ts'
import type { MediaStore, StoredBytes } from './stored-bytes.ts'
import { UploadWaits } from './upload-waits.ts'

/** The grammar of media ids (module "Content repository", "Security considerations"). */
const MEDIA_ID = /^[A-Za-z0-9_-]{1,255}$/
const ID_LENGTH = 24
/** Uploads of one user at a time, enough for an album; each takes a file handle and space on the disk. */
const UPLOADS_AT_ONCE = 20
const MAX_NAME_LENGTH = 1_024
/** The specification wants a bound on the time that somebody waits for an upload. */
const MAX_WAIT_MS = 60_000
const DEFAULT_WAIT_MS = 20_000
const DAY_MS = 24 * 3_600_000

export interface MediaLimits {
  readonly uploadBytes: number
  readonly userQuotaBytes: number | undefined
  readonly pendingUploads: number
  readonly pendingLifetimeMs: number
}

export interface Upload {
  readonly stream: Readable
  readonly lengthBytes: number | undefined
  readonly contentType: string | undefined
  readonly fileName: string | undefined
}

/** Limits the wait for an announced upload. */
export interface WaitOptions {
  /** Default 20 s, at most 60 s. */
  readonly timeoutMs: number | undefined
  readonly signal: AbortSignal
}

export interface MediaParts {
  readonly store: MediaStore
  readonly bytes: StoredBytes
  readonly serverName: ServerName
  readonly limits: MediaLimits
  readonly clock: Clock
  readonly random: Random
}

/** Uploads (client-server API, module "Content repository"). */
export class Media {
  readonly limits: MediaLimits
  readonly #parts: MediaParts
  readonly #uploadWaits: UploadWaits
  readonly #uploading = new Map<UserNumber, number>()

  constructor(parts: MediaParts) {
    this.limits = parts.limits
    this.#parts = parts
    this.#uploadWaits = new UploadWaits(parts.clock)
  }

  /** Returns the `mxc:` URI. Throws `M_TOO_LARGE`, `M_USER_LIMIT_EXCEEDED` (quota), `M_LIMIT_EXCEEDED`, `M_INVALID_PARAM` (name). */
  async upload(user: UserNumber, upload: Upload): Promise<string> {
    const mediaId = this.#parts.random.token(ID_LENGTH)
    await this.#take(user, mediaId, upload, (media) => this.#parts.store.writer.add(media))
    return this.#uriOf(mediaId)
  }

  /** Makes an id whose bytes come later. Throws `M_LIMIT_EXCEEDED`. */
  async announce(user: UserNumber): Promise<{ readonly contentUri: string; readonly expiresAtMs: number }> {
    const mediaId = this.#parts.random.token(ID_LENGTH)
    const atMs = this.#parts.clock.nowMs()
    const expiresAtMs = atMs + this.limits.pendingLifetimeMs
    const announced = { mediaId, user, atMs, expiresAtMs, limit: this.limits.pendingUploads }
    await this.#commit(this.#parts.store.writer.announce(announced))
    return { contentUri: this.#uriOf(mediaId), expiresAtMs }
  }

  /**
   * Adds the bytes of an announced upload. Throws `M_NOT_FOUND` (never announced, or expired), `M_FORBIDDEN` (announced by
   * another), `M_CANNOT_OVERWRITE_MEDIA`, and what `upload` throws.
   */
  async fill(user: UserNumber, serverName: string, mediaId: string, upload: Upload): Promise<void> {
    const record = await this.#record(serverName, mediaId)
    // Refused before the bytes arrive; the commit checks again.
    if (record.user !== user) throw refusalOf('media-foreign')
    if (record.content !== undefined) throw refusalOf('media-uploaded')
    await this.#take(user, mediaId, upload, (media) => this.#parts.store.writer.fill(media))
    this.#uploadWaits.arrived(mediaId)
  }

  /** Throws `M_NOT_FOUND`; `M_NOT_YET_UPLOADED` if an announced upload did not arrive in time. */
  async find(serverName: string, mediaId: string, options: WaitOptions): Promise<MediaContent> {
    const record = await this.#record(serverName, mediaId)
    if (record.content !== undefined) {
      await this.#use(record)
      return record.content
    }
    const waitMs = Math.min(options.timeoutMs ?? DEFAULT_WAIT_MS, MAX_WAIT_MS)
    const cut = new AbortController()
    const arrival = this.#uploadWaits.wait(mediaId, waitMs, AbortSignal.any([options.signal, cut.signal]))
    // It may have arrived before the wait began.
    if ((await this.#record(serverName, mediaId)).content !== undefined) cut.abort()
    await arrival
    const { content } = await this.#record(serverName, mediaId)
    if (content !== undefined) return content
    throw new MatrixError('M_NOT_YET_UPLOADED', 'The file has not been uploaded yet')
  }

  /** Notes the day of the last use, once a day. */
  async #use({ mediaId, usedAtMs = 0 }: MediaRecord): Promise<void> {
    const { clock, store } = this.#parts
    const nowMs = clock.nowMs()
    if (usedAtMs >= nowMs - DAY_MS) return
    // A file can be given out where nothing can be written.
    await store.commit([store.writer.use(mediaId, nowMs)]).catch(() => undefined)
  }

  /** The bytes, or a part of them. Throws `M_NOT_FOUND`. */
  async open(fileName: string, range?: { readonly start: number; readonly end: number }): Promise<Readable> {
    const stream = await this.#parts.store.files.open(fileName, range)
    if (stream === undefined) throw notFound()
    return stream
  }

  async #take(
    user: UserNumber,
    mediaId: string,
    upload: Upload,
    write: (media: NewMedia) => Change<void>,
  ): Promise<void> {
    const { uploadBytes, userQuotaBytes: quotaBytes } = this.limits
    const fileName = fileNameOf(upload.fileName)
    const contentType = contentTypeOf(upload.contentType)
    const atMs = this.#parts.clock.nowMs()
    if ((upload.lengthBytes ?? 0) > uploadBytes) throw tooLarge(uploadBytes)
    if (quotaBytes !== undefined) {
      const used = await this.#parts.store.reader.bytesOf(user)
      if (used + (upload.lengthBytes ?? 0) > quotaBytes) throw refusalOf('media-quota')
    }
    await this.#oneOfFew(user, async () => {
      try {
        const about = { uri: this.#uriOf(mediaId), contentType, fileName }
        await this.#parts.bytes.take(
          upload.stream,
          uploadBytes,
          async (received) => [
            write({ mediaId, user, atMs, content: { ...received, contentType, fileName }, quotaBytes }),
          ],
          about,
        )
      } catch (error) {
        throw error instanceof WriteConflict ? refusalOf(error.kind) : error
      }
    })
  }

  async #commit(change: Change<void>): Promise<void> {
    try {
      await this.#parts.store.commit([change])
    } catch (error) {
      throw error instanceof WriteConflict ? refusalOf(error.kind) : error
    }
  }

  async #oneOfFew(user: UserNumber, work: () => Promise<void>): Promise<void> {
    const now = this.#uploading.get(user) ?? 0
    if (now >= UPLOADS_AT_ONCE) throw limitExceeded('Too many uploads at once', 1_000)
    this.#uploading.set(user, now + 1)
    try {
      await work()
    } finally {
      const left = (this.#uploading.get(user) ?? 1) - 1
      if (left === 0) this.#uploading.delete(user)
      else this.#uploading.set(user, left)
    }
  }

  /** Media of other servers are not fetched: there is no federation yet. */
  async #record(serverName: string, mediaId: string): Promise<MediaRecord> {
    if (serverName !== this.#parts.serverName || !MEDIA_ID.test(mediaId)) throw notFound()
    const record = await this.#parts.store.reader.media(mediaId)
    if (record === undefined) throw notFound()
    if (record.expiresAtMs !== undefined && record.expiresAtMs <= this.#parts.clock.nowMs()) throw notFound()
    return record
  }

  #uriOf(mediaId: string): string {
    return `mxc://${this.#parts.serverName}/${mediaId}`
  }
}

const notFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such media')

const limitExceeded = (message: string, retryAfterMs: number): MatrixError =>
  new MatrixError('M_LIMIT_EXCEEDED', message, {
    fields: { retry_after_ms: retryAfterMs },
    headers: { 'Retry-After': String(Math.ceil(retryAfterMs / 1_000)) },
  })

const refusalOf = (kind: string): MatrixError => {
  switch (kind) {
    case 'media-quota':
      return new MatrixError('M_USER_LIMIT_EXCEEDED', 'You have uploaded as much as one user may')
    case 'media-pending':
      return limitExceeded('Too many uploads are announced and not begun', 60_000)
    case 'media-foreign':
      return new MatrixError('M_FORBIDDEN', 'Another user has announced this upload')
    case 'media-uploaded':
      return new MatrixError('M_CANNOT_OVERWRITE_MEDIA', 'This was uploaded already')
    default:
      return notFound()
  }
}

/** A given file name without characters that no header can carry. Throws `M_INVALID_PARAM` for a name that is too long. */
export const fileNameOf = (given: string | undefined): string | undefined => {
  if (given === undefined) return undefined
  if (given.length > MAX_NAME_LENGTH) throw new MatrixError('M_INVALID_PARAM', 'The file name is too long')
  const name = given.toWellFormed().replaceAll(/\p{Cc}/gu, '')
  return name === '' ? undefined : name
}
