import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import type { S3Client } from '@aws-sdk/client-s3'
import { BoundedWork, type Random } from '#base'
import { StoreUnavailable } from '../ports/engine/faults.ts'
import type { FileDraft, FileName, MediaFiles, StoredFile } from '../ports/media/media-files.ts'
import { CheckedBytes, DamagedFile } from './checked-bytes.ts'
import { checkFileName, isFileName } from './file-names.ts'
import { openSpool, type Spool, type SpooledFile } from './spool.ts'

export interface ObjectStoreOptions {
  readonly bucket: string
  readonly region: string
  /** undefined: Amazon's own for the region. */
  readonly endpoint: string | undefined
  /** undefined: those that Amazon's tools find in the environment of the process. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
  /** Prefix of every key. */
  readonly prefix: string
  /** `https://endpoint/bucket/key` instead of `https://bucket.endpoint/key`. */
  readonly pathStyle: boolean
  /** Time until the answer to one request begins; the bytes of the request have to be sent in it too. */
  readonly timeoutMs: number
  /** A folder of this process alone, for bytes whose hash is not known yet. */
  readonly spoolFolder: string
  /** The id of the database that names the files; see `list`. */
  readonly databaseId: string
}

const CONNECT_TIMEOUT_MS = 5_000
const TRIES = 3
/** Long, because a slow reader also stops the store from sending. */
const SILENCE_MS = 300_000
/** Larger files are sent in parts of this size; each upload has two parts in memory. */
const PART_BYTES = 8 * 1024 * 1024
const PARTS_AT_ONCE = 2
const UPLOADS_AT_ONCE = 6
const UPLOADS_WAITING = 1_000
const CONNECTIONS = 64

/** The object with the id of the database that the others belong to. */
const MARKER = 'homeroom-database-id'

type S3 = typeof import('@aws-sdk/client-s3')

/** Opens an object store that speaks S3. The first request to it comes with the first file. */
export const openObjectStore = async (options: ObjectStoreOptions, random: Random): Promise<MediaFiles> => {
  const spool = await openSpool(options.spoolFolder, random)
  // Loaded only if it is configured, as it needs much memory.
  const s3 = await import('@aws-sdk/client-s3')
  const { bucket, region, endpoint, credentials, pathStyle, timeoutMs } = options
  const client = new s3.S3Client({
    region,
    forcePathStyle: pathStyle,
    maxAttempts: TRIES,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: timeoutMs,
      throwOnRequestTimeout: true,
      socketTimeout: SILENCE_MS,
      httpAgent: { keepAlive: true, maxSockets: CONNECTIONS },
      httpsAgent: { keepAlive: true, maxSockets: CONNECTIONS },
    },
    // Checksums in trailers are Amazon's own, and many other stores refuse them. Uploads are signed with their SHA-256, and
    // downloads are compared with the hash in their name.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
  })
  return new ObjectStore({ s3, client, spool, bucket, prefix: options.prefix, databaseId: options.databaseId })
}

const nameOfError = (error: unknown): string => (error instanceof Error ? error.name : 'unknown')

const isMissing = (error: unknown): boolean => ['NoSuchKey', 'NotFound'].includes(nameOfError(error))

/** Turns a fault of the object store into `StoreUnavailable` (503), as the request is not at fault. */
const unavailable = (cause: unknown): Error => {
  if (cause instanceof StoreUnavailable) return cause
  const detail = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
  return new StoreUnavailable('broken', `media: the object store answers ${detail.slice(0, 300)}`)
}

interface ObjectStoreParts {
  readonly s3: S3
  readonly client: S3Client
  readonly spool: Spool
  readonly bucket: string
  readonly prefix: string
  readonly databaseId: string
}

/**
 * Files in an object store, each under the prefix and its name. Uploads lie in a spool folder until they are complete and their hash
 * is known; then they are sent, unless the store has the file already. A file counts as kept once the store has confirmed it.
 */
class ObjectStore implements MediaFiles {
  readonly #s3: S3
  readonly #client: S3Client
  readonly #spool: Spool
  readonly #bucket: string
  readonly #prefix: string
  readonly #databaseId: string
  readonly #closing = new AbortController()
  readonly #sending = new BoundedWork({ concurrency: UPLOADS_AT_ONCE, maxWaiting: UPLOADS_WAITING })

  constructor({ s3, client, spool, bucket, prefix, databaseId }: ObjectStoreParts) {
    this.#s3 = s3
    this.#client = client
    this.#spool = spool
    this.#bucket = bucket
    this.#prefix = prefix
    this.#databaseId = databaseId
  }

  async draft(): Promise<FileDraft> {
    const file = await this.#spool.create()
    return {
      write: (bytes) => file.write(bytes),
      keep: async (name) => {
        try {
          await file.close()
          await this.#sending.run(() => this.#send(file, name))
        } finally {
          await file.remove()
        }
      },
      discard: () => file.remove(),
    }
  }

  async open(name: FileName, range?: { readonly start: number; readonly end: number }): Promise<Readable | undefined> {
    const part = range === undefined ? {} : { Range: `bytes=${range.start}-${range.end}` }
    try {
      const get = new this.#s3.GetObjectCommand({ ...this.#at(name), ...part })
      const { Body: body } = await this.#client.send(get, this.#untilClosed)
      if (body === undefined) throw new Error('an answer without bytes')
      const bytes = body as Readable
      return range === undefined && CheckedBytes.knows(name) ? CheckedBytes.over(bytes, name) : bytes
    } catch (error) {
      if (isMissing(error)) return undefined
      throw unavailable(error)
    }
  }

  async withPath<Result>(name: FileName, use: (path: string) => Promise<Result>): Promise<Result | undefined> {
    const bytes = await this.open(name)
    if (bytes === undefined) return undefined
    const file = await this.#spool.create()
    try {
      for await (const piece of bytes) await file.write(piece as Uint8Array)
      await file.close()
    } catch (error) {
      await file.remove()
      throw error instanceof DamagedFile ? error : unavailable(error)
    }
    try {
      return await use(file.path)
    } finally {
      await file.remove()
    }
  }

  async remove(name: FileName): Promise<void> {
    try {
      await this.#client.send(new this.#s3.DeleteObjectCommand(this.#at(name)), this.#untilClosed)
    } catch (error) {
      if (!isMissing(error)) throw unavailable(error)
    }
  }

  /** Throws if the objects are those of another database, as whoever lists them removes what no row names. The first that asks makes them its own. */
  async *list(): AsyncIterable<StoredFile> {
    await this.#assertOurs()
    let after: string | undefined
    do {
      const asked = { Bucket: this.#bucket, Prefix: this.#prefix, ContinuationToken: after }
      const list = new this.#s3.ListObjectsV2Command(asked)
      const page = await this.#client.send(list, this.#untilClosed).catch((error: unknown) => {
        throw unavailable(error)
      })
      for (const { Key: key, LastModified: written } of page.Contents ?? []) {
        const name = key?.slice(this.#prefix.length) ?? ''
        // Other objects under the prefix are not ours.
        if (isFileName(name) && written !== undefined) yield { name, writtenMs: written.getTime() }
      }
      after = page.IsTruncated === true ? page.NextContinuationToken : undefined
    } while (after !== undefined)
  }

  close(): void {
    this.#closing.abort()
    this.#client.destroy()
  }

  async #assertOurs(): Promise<void> {
    const marker = { Bucket: this.#bucket, Key: `${this.#prefix}${MARKER}` }
    try {
      const found = await this.#textOf(marker)
      if (found === this.#databaseId) return
      if (found !== undefined)
        throw new Error(
          `the objects below ${marker.Key} belong to another database: choose another s3.prefix, or remove that object`,
        )
      await this.#client.send(new this.#s3.PutObjectCommand({ ...marker, Body: this.#databaseId }), this.#untilClosed)
    } catch (error) {
      throw unavailable(error)
    }
  }

  async #textOf(at: { readonly Bucket: string; readonly Key: string }): Promise<string | undefined> {
    try {
      const { Body: body } = await this.#client.send(new this.#s3.GetObjectCommand(at), this.#untilClosed)
      return await body?.transformToString()
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  get #untilClosed(): { readonly abortSignal: AbortSignal } {
    return { abortSignal: this.#closing.signal }
  }

  #at(name: FileName): { readonly Bucket: string; readonly Key: string } {
    checkFileName(name)
    return { Bucket: this.#bucket, Key: `${this.#prefix}${name}` }
  }

  async #send(file: SpooledFile, name: FileName): Promise<void> {
    try {
      if ((await this.#sizeOf(name)) === file.sizeBytes) return
      await this.#upload(file.path, name)
      const arrivedBytes = await this.#sizeOf(name)
      if (arrivedBytes !== file.sizeBytes)
        throw new Error(`${arrivedBytes} bytes of ${file.sizeBytes} are there after the upload`)
    } catch (error) {
      throw unavailable(error)
    }
  }

  async #upload(path: string, name: FileName): Promise<void> {
    const { Upload } = await import('@aws-sdk/lib-storage')
    const bytes = createReadStream(path)
    const params = { ...this.#at(name), Body: bytes, ContentType: 'application/octet-stream' }
    // Each upload needs its own, because it sets the only handler of the signal.
    const abort = new AbortController()
    const closed = (): void => abort.abort()
    this.#closing.signal.addEventListener('abort', closed)
    const parts = { partSize: PART_BYTES, queueSize: PARTS_AT_ONCE }
    try {
      // Removes its parts if it fails half-way.
      await new Upload({ client: this.#client, params, ...parts, abortController: abort }).done()
    } finally {
      this.#closing.signal.removeEventListener('abort', closed)
      bytes.destroy()
    }
  }

  async #sizeOf(name: FileName): Promise<number | undefined> {
    try {
      return (await this.#client.send(new this.#s3.HeadObjectCommand(this.#at(name)), this.#untilClosed)).ContentLength
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }
}
