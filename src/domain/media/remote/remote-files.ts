import {
  FederationFailure,
  type FederationRequest,
  type FederationRequests,
  type FederationStream,
  type UrlFetcher,
} from '#net'
import type { ServerName } from '#spec'
import type { ThumbnailRequest } from '../thumbnail-sizes.ts'
import { contentTypeOf, fileNameIn } from './file-headers.ts'
import { BadMultipart, boundaryOf, readFilePart } from './multipart.ts'

export interface WantedFile {
  readonly server: ServerName
  readonly mediaId: string
  /** undefined: the file itself. */
  readonly thumbnail: ThumbnailRequest | undefined
}

export interface RemoteFile {
  readonly contentType: string
  readonly fileName: string | undefined
  readonly bytes: AsyncIterable<Uint8Array>
}

export interface RemoteFilesParts {
  readonly requests: Pick<FederationRequests, 'stream'>
  /** For the places to which servers point. */
  readonly fetcher: Pick<UrlFetcher, 'get'>
  readonly limits: { readonly bytes: number; readonly timeoutMs: number }
}

/** Room for the boundaries and headers around a file. */
const MORE_BYTES = 256 * 1024
/** Time that the other server may wait for an announced upload. */
const WAIT_MS = 20_000

/** Asks other servers for their media, as all do today, or as they did before Matrix 1.11. */
export class RemoteFiles {
  readonly #parts: RemoteFilesParts

  constructor(parts: RemoteFilesParts) {
    this.#parts = parts
  }

  /** Passes the file to `use`, which reads it to its end. Throws `FederationFailure`, `BadMultipart`, `UrlRefused`, `UrlFetchFailed`, and what `use` throws. */
  async get<Result>(
    wanted: WantedFile,
    signal: AbortSignal,
    use: (file: RemoteFile) => Promise<Result>,
  ): Promise<Result> {
    const stream = await this.#open(wanted, signal)
    try {
      return await this.#read(stream, signal, use)
    } finally {
      stream.destroy()
    }
  }

  async #open(wanted: WantedFile, signal: AbortSignal): Promise<FederationStream> {
    try {
      return await this.#ask(wanted.server, requestOf('/_matrix/federation/v1/media', wanted), signal)
    } catch (error) {
      if (!isUnknownPath(error)) throw error
    }
    return this.#ask(wanted.server, oldRequestOf(wanted), signal)
  }

  #ask(server: ServerName, request: FederationRequest, signal: AbortSignal): Promise<FederationStream> {
    const { bytes, timeoutMs } = this.#parts.limits
    return this.#parts.requests.stream(server, { ...request, signal, timeoutMs, maxBytes: bytes + MORE_BYTES })
  }

  async #read<Result>(
    { contentType = '', headers, bytes }: FederationStream,
    signal: AbortSignal,
    use: (file: RemoteFile) => Promise<Result>,
  ): Promise<Result> {
    const boundary = boundaryOf(contentType)
    if (boundary === undefined) {
      if (/^multipart\//i.test(contentType)) throw new BadMultipart('the answer has no usable boundary')
      const disposition = headers['content-disposition']
      return use({ ...about(contentType, typeof disposition === 'string' ? disposition : undefined), bytes })
    }
    const part = await readFilePart(bytes, boundary)
    const location = part.headers.get('location')
    if (location !== undefined) return this.#follow(location, signal, use)
    return use({
      ...about(part.headers.get('content-type'), part.headers.get('content-disposition')),
      bytes: part.body,
    })
  }

  async #follow<Result>(
    location: string,
    signal: AbortSignal,
    use: (file: RemoteFile) => Promise<Result>,
  ): Promise<Result> {
    const url = URL.parse(location)
    if (url === null) throw new BadMultipart('Location is no URL')
    const request = { accept: '*/*', signal, limitBytes: this.#parts.limits.bytes }
    return this.#parts.fetcher.get(url, request, ({ contentType, body }) =>
      use({ ...about(contentType, undefined), bytes: body }),
    )
  }
}

const about = (contentType: string | undefined, disposition: string | undefined): Omit<RemoteFile, 'bytes'> => ({
  contentType: contentTypeOf(contentType),
  fileName: fileNameIn(disposition),
})

const requestOf = (base: string, { mediaId, thumbnail }: WantedFile): FederationRequest => {
  const id = encodeURIComponent(mediaId)
  if (thumbnail === undefined) {
    return { method: 'GET', path: `${base}/download/${id}`, query: { timeout_ms: WAIT_MS } }
  }
  const { width, height, method, animated } = thumbnail
  const query = { timeout_ms: WAIT_MS, width, height, method, animated: String(animated) }
  return { method: 'GET', path: `${base}/thumbnail/${id}`, query }
}

/** The path that servers have for clients; they shall not ask others in turn. */
const oldRequestOf = (wanted: WantedFile): FederationRequest => {
  const kind = wanted.thumbnail === undefined ? 'download' : 'thumbnail'
  const request = requestOf('', wanted)
  return {
    ...request,
    path: `/_matrix/media/v3/${kind}/${encodeURIComponent(wanted.server)}/${encodeURIComponent(wanted.mediaId)}`,
    query: { ...request.query, allow_remote: 'false' },
  }
}

/** "Servers … return a 404 with M_UNRECOGNIZED": the server is from before Matrix 1.11. */
const isUnknownPath = (error: unknown): boolean => {
  if (!(error instanceof FederationFailure)) return false
  const { status, errcode } = error.parts
  return errcode === 'M_UNRECOGNIZED' || (status === 404 && errcode === undefined)
}
