import type { Readable } from 'node:stream'
import type { Static, TSchema } from 'typebox'
import type { Errcode, MatrixError } from '#spec'
import type { Answer, CustomReply } from './answer.ts'
import type { Auth } from './auth.ts'
import type { Caller } from './requester.ts'

/** The limits an operator can set; each has a budget of its own in `config`. */
export type RateLimit =
  | 'message'
  | 'login'
  | 'accountLogin'
  | 'wrongToken'
  | 'registration'
  | 'newAccount'
  | 'mail'
  | 'join'
  | 'invite'
  | 'createRoom'
  | 'profile'
  | 'urlPreview'
  | 'remoteMedia'
  | 'keyUpload'
  | 'read'
  | 'federation'
  | 'other'
  | 'unlimited'

export interface EndpointRequest<R extends Caller | undefined, P, Q, B> {
  readonly requester: R
  readonly params: P
  readonly query: Q
  readonly body: B
  readonly ip: string
  readonly userAgent: string | undefined
  /** A header of the request, by its name in small letters: for the few calls whose protocol is in headers. Of several the first counts. */
  header(name: string): string | undefined
  /** The value of a cookie; for pages that people see, never for the API. undefined where there is none. */
  cookie(name: string): string | undefined
  /**
   * Whether a browser asks: its headers say which languages it takes or which page sent it here, and no script can prevent that. For pages
   * that apps fetch too: only people can be led to another page or asked a question.
   */
  readonly fromBrowser: boolean
  /** Aborted when the client went away or the server stops: a long poll then answers with what it has. */
  readonly signal: AbortSignal
  /** The path as asked for (`/_matrix/client/r0/...`), for the few answers that differ by prefix. */
  readonly path: string
}

/** A body that is not read yet: bytes of any kind, unbounded unless the reader sets a bound. */
export interface StreamedBody {
  /** Fails when the client goes away early. A reader that stops early must not destroy it: the answer goes the same way. */
  readonly stream: Readable
  readonly contentType: string | undefined
  /** The length that the client declared; undefined where it declared none. The body may end early, but is never longer. */
  readonly lengthBytes: number | undefined
}

/** A form as browsers post it; the last value of a field that comes twice. */
export type FormFields = ReadonlyMap<string, string>

type Shape<S> = S extends TSchema ? Static<S> : Record<never, never>
type BodyKind = TSchema | 'stream' | 'form' | undefined
type BodyShape<S> = S extends 'stream'
  ? StreamedBody
  : S extends 'form'
    ? FormFields
    : S extends TSchema
      ? Static<S>
      : undefined

/**
 * One declaration an endpoint: path, schemas, auth, limits and handler stand together. Build it with `endpoint()`.
 * Path parameters are written `:name` and arrive percent-decoded.
 */
export interface Endpoint<
  R extends Caller | undefined = Caller | undefined,
  P extends TSchema | undefined = TSchema | undefined,
  Q extends TSchema | undefined = TSchema | undefined,
  B extends BodyKind = BodyKind,
> {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** Every path it is served at; the first is the one the official data names. */
  readonly paths: readonly [string, ...string[]]
  readonly auth: Auth<R>
  readonly rateLimit: RateLimit
  readonly params?: P
  readonly query?: Q
  /**
   * A schema: the request must hold a JSON object that fits it. undefined: a body is read and ignored. `'stream'`: the handler gets
   * the body unread, with the time of an upload to arrive. `'form'`: the fields that an HTML form posts; other bodies have no fields.
   */
  readonly body?: B
  /**
   * Throws where the caller may not ask at all, whatever the request says. Asked only before a refusal of the request's form (400) is told: callers
   * whom the handler would refuse must not learn first that a parameter is missing. `query` is as it came, not held against its schema.
   */
  readonly allows?: (request: AllowsRequest<R, Shape<P>>) => Promise<void>
  /**
   * The answer to a shadow-banned account, which the handler then never sees; undefined: the handler answers. For all by which an account reaches
   * others: it must look as if it had been done.
   */
  readonly toShadowBanned?: (request: EndpointRequest<R, Shape<P>, Shape<Q>, BodyShape<B>>) => Answer | undefined
  /** Whether its `GET` does something that must happen once and by a person alone: it is not served by `HEAD`, which scanners of mails use. */
  readonly acts?: boolean
  /** Its answer may be long or take long to read: few such requests of one caller run at once, and the others wait for them. */
  readonly costly?: true
  /** Makes the page for a refusal, where a browser shows the answer to a person. */
  readonly errorPage?: (error: MatrixError) => CustomReply
  /** An absent or empty body counts as `{}` (several calls of the specification have optional bodies). */
  readonly bodyOptional?: boolean
  /**
   * Clients send the same body again and again: it is read and checked once, frozen, and given to all requests with these bytes. A handler may keep what it made of it in a
   * `WeakMap`, of about the same size.
   */
  readonly repeats?: true
  /** The member that a bare `true` or `false` as the whole body stands for, as clients of 2015 send it. */
  readonly bareBody?: string
  /** Default 128 KiB; of JSON without needless escapes and white space, which may take six times as many bytes on the wire. */
  readonly bodyLimitBytes?: number
  /** Headers that scripts of other sites may send with a `PUT`, besides those of every call. */
  readonly scriptHeaders?: readonly string[]
  /** errcode for a value that does not fit the schema; default `M_BAD_JSON` for bodies, `M_INVALID_PARAM` for the rest. */
  readonly invalidErrcode?: Errcode
  /** A handler that builds JSON names its type: `Promise<WhoAmI>`. */
  handler(request: EndpointRequest<R, Shape<P>, Shape<Q>, BodyShape<B>>): Promise<Answer>
}

/** The parts of a request by which its caller is judged before its form is. */
export type AllowsRequest<R extends Caller | undefined, P> = Pick<
  EndpointRequest<R, P, Readonly<Record<string, unknown>>, unknown>,
  'requester' | 'params' | 'query' | 'path'
>

export type AnyRequest = EndpointRequest<Caller | undefined, unknown, unknown, unknown>

/** An endpoint with its types forgotten: what the edge serves. The shapes were checked where it was declared. */
export type AnyEndpoint = Omit<Endpoint, 'handler' | 'allows' | 'toShadowBanned'> & {
  readonly toShadowBanned?: (request: AnyRequest) => Answer | undefined
  readonly allows?: (request: AnyRequest & { readonly query: Readonly<Record<string, unknown>> }) => Promise<void>
  handler(request: AnyRequest): Promise<Answer>
}

export const endpoint = <
  R extends Caller | undefined,
  const P extends TSchema | undefined = undefined,
  const Q extends TSchema | undefined = undefined,
  const B extends BodyKind = undefined,
>(
  declaration: Endpoint<R, P, Q, B>,
): AnyEndpoint => declaration as unknown as AnyEndpoint
