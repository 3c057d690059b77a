import type { Clock } from '#base'
import { contentJson, parseXMatrix, requestText, type XMatrix } from '#rules'
import { isJsonObject, MatrixError, parseServerName, type ServerName } from '#spec'
import type { ServerKeyRing } from './key-ring.ts'

export interface RequestSignersParts {
  readonly serverName: ServerName
  readonly keyRing: Pick<ServerKeyRing, 'verifyKey'>
  /** Whether this server talks with that one. */
  readonly allows: (server: ServerName) => boolean
  readonly clock: Clock
}

/** A request, as far as its signature covers it. */
export interface SignedIncoming {
  readonly method: string
  /** Path and query as they were sent. */
  readonly url: string
  readonly authorizations: readonly string[]
  readonly body: unknown
}

/** A server that changes its key may sign with both. */
const MAX_HEADERS = 5

/** Finds out which homeserver signed a request (server-server API, "Request Authentication"). */
export class RequestSigners {
  readonly #parts: RequestSignersParts

  constructor(parts: RequestSignersParts) {
    this.#parts = parts
  }

  /** Throws `M_UNAUTHORIZED` without a valid signature, `M_FORBIDDEN` for servers that this one does not talk with. */
  async signerOf(request: SignedIncoming): Promise<{ readonly kind: 'server'; readonly serverName: ServerName }> {
    const headers = request.authorizations.map(parseXMatrix).filter((header) => header !== undefined)
    const origin = this.#originOf(headers)
    if (!this.#parts.allows(origin)) throw new MatrixError('M_FORBIDDEN', 'This server does not talk with yours')
    for (const header of headers)
      if (await this.#isValid(header, origin, request)) return { kind: 'server', serverName: origin }
    throw unauthorized(`The request has no valid signature of ${origin}`)
  }

  #originOf(headers: readonly XMatrix[]): ServerName {
    const [first, ...others] = headers
    if (first === undefined) throw unauthorized('The request is not signed by a server')
    if (headers.length > MAX_HEADERS) throw unauthorized('The request has too many signatures')
    if (others.some(({ origin }) => origin !== first.origin))
      throw unauthorized('The request names several servers that it comes from')
    const origin = parseServerName(first.origin)
    if (origin === undefined) throw unauthorized('The request names no server that it comes from')
    const { serverName } = this.#parts
    if (origin === serverName) throw unauthorized('The request claims to come from this server')
    if (headers.some(({ destination }) => destination !== undefined && destination !== serverName))
      throw unauthorized('The request is for another server')
    return origin
  }

  async #isValid(header: XMatrix, origin: ServerName, { method, url, body }: SignedIncoming): Promise<boolean> {
    const { keyRing, clock } = this.#parts
    const key = await keyRing.verifyKey(origin, header.key, clock.nowMs())
    if (key === undefined) return false
    const content = body === undefined || !isJsonObject(body) ? undefined : contentJson(body)
    if (content?.ok === false) return false
    const destination = header.destination === undefined ? undefined : this.#parts.serverName
    const text = requestText({ method, uri: url, origin, destination, contentJson: content?.value })
    return key.verify(text, header.sig)
  }
}

const unauthorized = (message: string): MatrixError => new MatrixError('M_UNAUTHORIZED', message)
