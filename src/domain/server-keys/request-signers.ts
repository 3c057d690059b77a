import { type Clock, KeyedWork, TooMuchWork } from '#base'
import { parseXMatrix, type XMatrix } from '#rules'
import { MatrixError, parseServerName, type ServerName } from '#spec'
import type { RingKey, ServerKeyRing } from './key-ring.ts'
import { checkSignatures, type SignatureToCheck } from './signature-check.ts'
import type { SignatureThreads } from './signature-threads.ts'

export interface RequestSignersParts {
  readonly serverName: ServerName
  readonly keyRing: Pick<ServerKeyRing, 'ringKey'>
  /** Whether this server talks with that one. */
  readonly allows: (server: ServerName) => boolean
  readonly threads: Pick<SignatureThreads, 'check'>
  readonly clock: Clock
}

/** A request, as far as its signature covers it. */
export interface SignedIncoming {
  readonly method: string
  /** Path and query as they were sent. */
  readonly url: string
  readonly authorizations: readonly string[]
  /** The body, which is JSON; undefined where there is none. */
  readonly bodyText: string | undefined
  readonly ip: string
}

/** A server that changes its key may sign with both. */
const MAX_HEADERS = 5
/** Bodies above this are put into canonical form and checked on a thread: it takes 5 ms and more. */
const LONG_BODY = 256 * 1024
/** Anybody may name servers whose keys have to be fetched then; who names many waits for oneself. */
const UNKNOWN_KEYS = { concurrency: 16, maxWaiting: 100 }

/** Finds out which homeserver signed a request (server-server API, "Request Authentication"). */
export class RequestSigners {
  readonly #parts: RequestSignersParts
  /** Fetches of keys, by the address that asked. */
  readonly #fetching = new KeyedWork<string>(UNKNOWN_KEYS)

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

  async #isValid(header: XMatrix, origin: ServerName, { method, url, bodyText, ip }: SignedIncoming): Promise<boolean> {
    const key = await this.#key(origin, header.key, ip)
    if (key === undefined) return false
    const destination = header.destination === undefined ? undefined : this.#parts.serverName
    const check: SignatureToCheck = {
      publicKey: key.publicKey,
      signature: header.sig,
      covers: { method, uri: url, origin, destination, body: bodyText },
    }
    const isLong = (bodyText?.length ?? 0) > LONG_BODY
    const [answer] = isLong ? await this.#parts.threads.check([check]) : checkSignatures([check])
    return answer === true
  }

  /** Throws `M_LIMIT_EXCEEDED` where the address has named too many servers that are not known. */
  async #key(origin: ServerName, keyId: string, ip: string): Promise<RingKey | undefined> {
    const { keyRing, clock } = this.#parts
    try {
      return await keyRing.ringKey(origin, keyId, clock.nowMs(), (fetch) => this.#fetching.run(ip, fetch))
    } catch (error) {
      if (!(error instanceof TooMuchWork)) throw error
      throw new MatrixError('M_LIMIT_EXCEEDED', 'Too many keys have to be fetched for your requests', {
        fields: { retry_after_ms: error.retryAfterMs },
        headers: { 'Retry-After': String(Math.ceil(error.retryAfterMs / 1_000)) },
      })
    }
  }
}

const unauthorized = (message: string): MatrixError => new MatrixError('M_UNAUTHORIZED', message)
