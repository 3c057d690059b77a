import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { PassThrough, pipeline, type Readable, Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { dnsLookup } from './dns-names.ts'
import { type AddressRule, checkedLookup, hostAddress } from './private-addresses.ts'
import { matchesAny } from './url-patterns.ts'

export interface UrlFetcherOptions {
  /** Says to whom asks for it in robots.txt or in a log who this is. */
  readonly userAgent: string
  readonly acceptLanguage: string
  /** Empty: any. */
  readonly ports: readonly number[]
  /** Which addresses may be connected to. */
  readonly addresses: AddressRule
  /** Empty: those of the machine. */
  readonly dnsServers: readonly string[]
  /** Patterns as in `url-patterns.ts`. */
  readonly refusedUrls: readonly string[]
}

/** What may not be asked for, known without asking anybody: a scheme, a port, a pattern, an address in the URL. */
export class UrlRefused extends Error {
  override readonly name = 'UrlRefused'
}

/** No answer, none in time, or none that is of use. The message is for the log: it tells of networks inside. */
export class UrlFetchFailed extends Error {
  override readonly name = 'UrlFetchFailed'
}

export interface FetchWish {
  readonly accept: string
  /** Ends everything, also reading the body. */
  readonly signal: AbortSignal
  /** Of the body as it is sent; unpacked it may be any size, which is for the reader to bound. */
  readonly limitBytes: number
}

export interface FetchedUrl {
  /** Where it was in the end. */
  readonly url: URL
  /** `text/html`: in small letters, without parameters; empty where nothing was said. */
  readonly contentType: string
  readonly charset: string | undefined
  /** Unpacked. */
  readonly body: Readable
}

const MAX_REDIRECTS = 5
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const MAX_HEADER_BYTES = 32 * 1024

/**
 * `GET` of URLs that users chose: only http and https, only to ports and addresses that the operator lets them reach. A name is
 * resolved once, all its addresses are checked, and the connection is made to one of those; so with each redirect.
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
   * Follows up to five redirects, then hands the answer over. Whatever `use` leaves unread is cut off. Throws `UrlRefused` for
   * the URL itself, `UrlFetchFailed` for all that comes after, and what `use` throws.
   */
  async get<Result>(from: URL, wish: FetchWish, use: (fetched: FetchedUrl) => Promise<Result>): Promise<Result> {
    this.check(from)
    let url = from
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const response = await this.#ask(url, wish)
      try {
        const next = this.#redirectOf(response, url)
        if (next === undefined) return await use(openAnswer(response, url, wish.limitBytes))
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

  #ask(url: URL, { accept, signal }: FetchWish): Promise<IncomingMessage> {
    const { userAgent, acceptLanguage } = this.#options
    const options = {
      // A connection of its own: none is shared with a URL that was checked by other rules.
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
      const request = url.protocol === 'https:' ? requestHttps(url, options) : requestHttp(url, options)
      request.on('response', (response) => {
        // Cut off while nobody reads: nobody has to hear of it.
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
    // Whoever reads learns of a fault from the last of them.
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
