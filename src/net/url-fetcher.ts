import type { IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { PassThrough, pipeline, type Readable, Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { nodeHttp } from '#base'
import { dnsLookup } from './dns-names.ts'
import { type AddressRule, checkedLookup, hostAddress } from './private-addresses.ts'
import { matchesAny } from './url-patterns.ts'

export interface UrlFetcherOptions {
  /** Identifies this server in robots.txt rules and in logs. */
  readonly userAgent: string
  readonly acceptLanguage: string
  /** Empty: any. */
  readonly ports: readonly number[]
  /** The addresses that may be connected to. */
  readonly addresses: AddressRule
  /** Empty: the DNS servers of the machine. */
  readonly dnsServers: readonly string[]
  /** Patterns as in `url-patterns.ts`. */
  readonly refusedUrls: readonly string[]
}

/** The URL itself is not allowed: its scheme, its port, its address, or by a pattern. */
export class UrlRefused extends Error {
  override readonly name = 'UrlRefused'
}

/** No usable answer in time. The message is for the log only, as it may name addresses of internal networks. */
export class UrlFetchFailed extends Error {
  override readonly name = 'UrlFetchFailed'
}

export interface FetchRequest {
  readonly accept: string
  readonly signal: AbortSignal
  /** Limit of the body as it is sent; the reader has to bound the unpacked size. */
  readonly limitBytes: number
}

export interface FetchedUrl {
  /** The URL after all redirects. */
  readonly url: URL
  /** In small letters, without parameters; empty where the answer has none. */
  readonly contentType: string
  readonly charset: string | undefined
  /** The unpacked body. */
  readonly body: Readable
}

const MAX_REDIRECTS = 5
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const MAX_HEADER_BYTES = 32 * 1024

/**
 * `GET` of URLs that users chose: only http and https, and only ports and addresses that the operator allows. A name is
 * resolved once, all its addresses are checked, and the connection is made to one of them; the same for each redirect.
 */
export class UrlFetcher {
  readonly #options: UrlFetcherOptions
  readonly #lookup: LookupFunction

  constructor(options: UrlFetcherOptions) {
    this.#options = options
    this.#lookup = checkedLookup(options.addresses, dnsLookup(options.dnsServers))
  }

  /** Throws `UrlRefused`. */
  check(url: URL): void {
    const { ports, refusedUrls, addresses } = this.#options
    if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new UrlRefused(`${url.protocol} is not http`)
    if (url.username !== '' || url.password !== '') throw new UrlRefused('the URL has a password')
    const port = url.port === '' ? (url.protocol === 'http:' ? 80 : 443) : Number(url.port)
    if (ports.length > 0 && !ports.includes(port)) throw new UrlRefused(`port ${port} is not asked`)
    if (matchesAny(refusedUrls, url)) throw new UrlRefused('the URL is on the list of those refused')
    const address = hostAddress(url.hostname)
    if (isIP(address) !== 0 && !addresses.allows(address)) throw new UrlRefused(`${address} is a private address`)
  }

  /**
   * Follows up to five redirects, then passes the answer to `use`, and cuts off what `use` leaves unread. Throws `UrlRefused` for
   * the URL itself, `UrlFetchFailed` for later failures, and what `use` throws.
   */
  async get<Result>(from: URL, request: FetchRequest, use: (fetched: FetchedUrl) => Promise<Result>): Promise<Result> {
    this.check(from)
    let url = from
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const response = await this.#ask(url, request)
      try {
        const next = this.#redirectOf(response, url)
        if (next === undefined) return await use(openAnswer(response, url, request.limitBytes))
        url = next
      } finally {
        response.destroy()
      }
    }
    throw new UrlFetchFailed(`more than ${MAX_REDIRECTS} redirects`)
  }

  #redirectOf(response: IncomingMessage, url: URL): URL | undefined {
    const { statusCode = 0, headers } = response
    if (statusCode === 200) return undefined
    if (!REDIRECTS.has(statusCode) || headers.location === undefined) throw new UrlFetchFailed(`status ${statusCode}`)
    const next = URL.parse(headers.location, url)
    if (next === null) throw new UrlFetchFailed('a redirect to no URL')
    try {
      this.check(next)
    } catch (error) {
      throw new UrlFetchFailed('a redirect to what is refused', { cause: error })
    }
    return next
  }

  #ask(url: URL, { accept, signal }: FetchRequest): Promise<IncomingMessage> {
    const { userAgent, acceptLanguage } = this.#options
    const options = {
      // A new connection: one that is kept may lead to an address that was checked by other rules.
      agent: false,
      headers: {
        accept,
        'accept-encoding': 'gzip, deflate, br',
        'accept-language': acceptLanguage,
        'user-agent': userAgent,
      },
      lookup: this.#lookup,
      maxHeaderSize: MAX_HEADER_BYTES,
      signal,
    }
    return new Promise((resolve, reject) => {
      const request = url.protocol === 'https:' ? requestHttps(url, options) : nodeHttp.request(url, options)
      request.on('response', (response) => {
        // An error that nobody listens to would end the process.
        response.on('error', () => {})
        resolve(response)
      })
      request.on('error', (error) => reject(new UrlFetchFailed(error.message, { cause: error })))
      request.end()
    })
  }
}

const openAnswer = (response: IncomingMessage, url: URL, limitBytes: number): FetchedUrl => {
  const { headers } = response
  const [type = '', ...parameters] = (headers['content-type'] ?? '').split(';')
  const charset = parameters.map((one) => /^\s*charset\s*=\s*"?([^"\s]{1,40})/i.exec(one)?.[1]).find(Boolean)
  if (Number(headers['content-length'] ?? 0) > limitBytes) throw new UrlFetchFailed('the answer is too large')
  const body = pipeline(
    response,
    limited(limitBytes),
    unpacking(headers['content-encoding']),
    // The reader gets errors from the last stream.
    () => {},
  )
  return { url, contentType: type.trim().toLowerCase(), charset, body }
}

const limited = (limitBytes: number): Transform => {
  let sizeBytes = 0
  return new Transform({
    transform: (piece: Buffer, _encoding, done) => {
      sizeBytes += piece.length
      if (sizeBytes > limitBytes) done(new UrlFetchFailed('the answer is too large'))
      else done(null, piece)
    },
  })
}

const unpacking = (encoding: string | undefined): Transform => {
  switch (encoding?.trim().toLowerCase() ?? '') {
    case '':
    case 'identity':
      return new PassThrough()
    case 'gzip':
    case 'x-gzip':
      return createGunzip()
    case 'deflate':
      return createInflate()
    case 'br':
      return createBrotliDecompress()
    default:
      throw new UrlFetchFailed('an encoding that was not asked for')
  }
}
