import type { Result } from '#base'
import type { JsonValue, ServerName } from '#spec'
import type { CanonicalJsonFailure } from './canonical-json.ts'
import { canonicalJson } from './canonical-json.ts'

/** The text that the signature of a request covers (server-server API, "Request Authentication"). */
export interface SignedRequest {
  readonly method: string
  /** Path and query, byte for byte as they are sent. */
  readonly uri: string
  readonly origin: ServerName
  /** undefined: an old server that says none. */
  readonly destination: ServerName | undefined
  /** The body as canonical JSON; undefined for a request without one. */
  readonly contentJson: string | undefined
}

/** The text that is signed: the canonical JSON of the request. Only the body can be long, and it is canonical already. */
export const requestText = ({ method, uri, origin, destination, contentJson }: SignedRequest): string => {
  const members = [
    ...(contentJson === undefined ? [] : [`"content":${contentJson}`]),
    ...(destination === undefined ? [] : [`"destination":${JSON.stringify(destination)}`]),
    `"method":${JSON.stringify(method)}`,
    `"origin":${JSON.stringify(origin)}`,
    `"uri":${JSON.stringify(uri)}`,
  ]
  return `{${members.join(',')}}`
}

/** The canonical JSON of a request's body. Events of room versions before 6 in it may have numbers of any kind. */
export const contentJson = (body: JsonValue): Result<string, CanonicalJsonFailure> =>
  canonicalJson(body, { strict: false })

/** One `Authorization` header of the scheme `X-Matrix`. */
export interface XMatrix {
  readonly origin: string
  readonly destination: string | undefined
  readonly key: string
  readonly sig: string
}

/** The header of a request that is sent. Values are quoted, as many servers read no others. */
export const xMatrixHeader = ({ origin, destination, key, sig }: XMatrix): string => {
  const to = destination === undefined ? '' : `,destination="${destination}"`
  return `X-Matrix origin="${origin}"${to},key="${key}",sig="${sig}"`
}

/** No header of that scheme is longer: names of servers, a key's id and a signature. */
const MAX_LENGTH = 4_096

const PARAMETER = /[ \t]*([A-Za-z0-9!#$%&'*+.^_`|~-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",]*))[ \t]*(?:,|$)/sy
const BETWEEN = /[ \t]*,/y

/**
 * Reads an `Authorization` header; undefined for one of another scheme and for what lacks a part. As RFC 9110 has it: names in any case and order, values
 * quoted or not, white space around commas; and, as the specification asks for old servers, colons, slashes and `=` in values without quotes. A
 * parameter that stands twice makes the header unreadable, since servers would differ on which counts.
 */
export const parseXMatrix = (header: string): XMatrix | undefined => {
  if (header.length > MAX_LENGTH) return undefined
  const [scheme] = /^X-Matrix[ \t]+/i.exec(header) ?? []
  const found = scheme === undefined ? undefined : parametersOf(header, scheme.length)
  if (found === undefined) return undefined
  const [origin, key, sig] = [found.get('origin'), found.get('key'), found.get('sig')]
  if (origin === undefined || key === undefined || sig === undefined) return undefined
  return { origin, key, sig, destination: found.get('destination') }
}

const parametersOf = (header: string, start: number): ReadonlyMap<string, string> | undefined => {
  const found = new Map<string, string>()
  for (let at = start; at < header.length; ) {
    BETWEEN.lastIndex = at
    // RFC 9110, section 5.6.1: empty members of a list are skipped.
    if (BETWEEN.test(header)) {
      at = BETWEEN.lastIndex
      continue
    }
    PARAMETER.lastIndex = at
    const match = PARAMETER.exec(header)
    if (match === null) return header.slice(at).trim() === '' ? found : undefined
    const name = (match[1] ?? '').toLowerCase()
    if (found.has(name)) return undefined
    found.set(name, match[2] === undefined ? (match[3] ?? '') : match[2].replaceAll(/\\(.)/gs, '$1'))
    at = PARAMETER.lastIndex
  }
  return found
}
