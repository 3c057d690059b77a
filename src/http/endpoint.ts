import type { Readable } from 'node:stream'
import type { Static, TSchema } from 'typebox'
import type { Pending } from '#base'
import type { DeviceId, Errcode, JsonObject, MatrixError, UserId } from '#spec'
import type { FileReply } from './file-reply.ts'

/** Who asks, once the access token was checked. */
export interface Requester {
  readonly userId: UserId
  /** Internal number of the user. */
  readonly user: number
  readonly deviceId: DeviceId | undefined
  /** Internal number of the device; transaction ids and to-device messages hang on it. */
  readonly device: number | undefined
  readonly guest: boolean
  readonly admin: boolean
  /** Internal number of the access token, for `logout`. */
  readonly token: number
}

/** Checks access tokens; declared here because the edge needs it, wired in `app`. Throws `M_UNKNOWN_TOKEN`. Without `at` nobody is seen: it was said before. */
export interface TokenCheck {
  check(accessToken: string, at?: { readonly ip: string; readonly userAgent: string | undefined }): Promise<Requester>
  /** Whose tokens may be void now, as far as they were checked lately: long polls that bear them end at once. */
  onVoided?(listener: (userId: UserId) => void): void
}

/**
 * `none`: no token is read. `optional`: read when there. `user`: an account that is no guest (a guest gets
 * `M_GUEST_ACCESS_FORBIDDEN`). `guest`: guests too.
 */
export type Auth = 'none' | 'optional' | 'user' | 'guest'

export type RequesterFor<A extends Auth> = A extends 'none'
  ? undefined
  : A extends 'optional'
    ? Requester | undefined
    : Requester

/** The limits an operator can set; each has a budget of its own in `config`. */
export type RateLimit =
  | 'message'
  | 'login'
  | 'registration'
  | 'mail'
  | 'join'
  | 'invite'
  | 'createRoom'
  | 'profile'
  | 'urlPreview'
  | 'read'
  | 'other'
  | 'unlimited'

export interface EndpointRequest<A extends Auth, P, Q, B> {
  readonly requester: RequesterFor<A>
  readonly params: P
  readonly query: Q
  readonly body: B
  readonly ip: string
  readonly userAgent: string | undefined
  /** The value of a cookie; for pages that people see, never for the API. undefined where there is none. */
  cookie(name: string): string | undefined
  /**
   * Whether a browser asks: it says which languages it takes, whichever page sent it here, and no script can keep it from that. For pages that
   * apps fetch too: only people can be led somewhere, and only people can be asked.
   */
  readonly fromBrowser: boolean
  /** The access token as sent, for endpoints that end it. */
  readonly accessToken: string | undefined
  /** Aborted when the client went away or the server stops: a long poll then answers with what it has. */
  readonly signal: AbortSignal
  /** The path as asked for (`/_matrix/client/r0/...`), for the few answers that differ by prefix. */
  readonly path: string
}

/** A ready-made JSON text, sent as it is: spliced answers. */
export class RawJson {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/**
 * A JSON text that comes later: a long poll. The edge lets go of everything else of the request meanwhile, so an endpoint that waits long
 * for many answers this, rather than await it. `over` is called once, when the request has ended, however it did.
 */
export class LaterJson {
  readonly text: Pending<string>
  readonly over: () => void
  constructor(text: Pending<string>, over: () => void) {
    this.text = text
    this.over = over
  }
}

/** What `begin` answers, now or later; `over` is called once, when the request has ended, however it did. */
export const nowOrLater = async (
  begin: () => Promise<string | Pending<string>>,
  over: () => void,
): Promise<RawJson | LaterJson> => {
  let waits = false
  try {
    const text = await begin()
    if (typeof text === 'string') return new RawJson(text)
    waits = true
    return new LaterJson(text, over)
  } finally {
    if (!waits) over()
  }
}

/** An answer with another status, headers or a body that is not JSON. */
export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: JsonObject | RawJson | string
}

export class CustomReply {
  readonly reply: Reply
  constructor(reply: Reply) {
    this.reply = reply
  }
}

/** A body that is not read yet: bytes of any kind and, unless its reader sets one, without any bound. */
export interface StreamedBody {
  /** Fails when the client goes away early. Whoever stops reading must not destroy it: the answer goes the same way. */
  readonly stream: Readable
  readonly contentType: string | undefined
  /** As the client says; undefined where it does not know yet. It never sends more, but it may send less. */
  readonly lengthBytes: number | undefined
}

export type Answer = JsonObject | RawJson | LaterJson | CustomReply | FileReply

type Shape<S> = S extends TSchema ? Static<S> : Record<never, never>
type BodyKind = TSchema | 'stream' | 'form' | undefined
/** A form as browsers post it: of fields that come twice, the last. */
export type FormFields = ReadonlyMap<string, string>
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
  A extends Auth = Auth,
  P extends TSchema | undefined = TSchema | undefined,
  Q extends TSchema | undefined = TSchema | undefined,
  B extends BodyKind = BodyKind,
> {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** Every path it is served at; the first is the one the official data names. */
  readonly paths: readonly [string, ...string[]]
  readonly auth: A
  readonly rateLimit: RateLimit
  readonly params?: P
  readonly query?: Q
  /**
   * With a body schema the request must hold a JSON object that fits; without, a body is read and ignored. `'stream'` hands
   * the body over unread, and gives it the time of an upload to arrive. `'form'` reads what an HTML form posts; what is no form has no fields.
   */
  readonly body?: B
  /** For what a browser shows to a person: how refusals look, instead of JSON. */
  readonly errorPage?: (error: MatrixError) => CustomReply
  /** An absent or empty body counts as `{}` (several calls of the specification have optional bodies). */
  readonly bodyOptional?: boolean
  /** The member that a body means which is no object but true or false alone, as clients of 2015 send it. */
  readonly bareBody?: string
  /** Default 128 KiB. */
  readonly bodyLimitBytes?: number
  /** errcode for a value that does not fit the schema; default `M_BAD_JSON` for bodies, `M_INVALID_PARAM` for the rest. */
  readonly invalidErrcode?: Errcode
  handler(request: EndpointRequest<A, Shape<P>, Shape<Q>, BodyShape<B>>): Promise<Answer>
}

/** An endpoint with its types forgotten: what the server registers. The shapes were checked where it was declared. */
export type AnyEndpoint = Omit<Endpoint, 'handler'> & {
  handler(request: EndpointRequest<Auth, unknown, unknown, unknown>): Promise<Answer>
}

export const endpoint = <
  const A extends Auth,
  const P extends TSchema | undefined = undefined,
  const Q extends TSchema | undefined = undefined,
  const B extends BodyKind = undefined,
>(
  declaration: Endpoint<A, P, Q, B>,
): AnyEndpoint => declaration as unknown as AnyEndpoint

/** The current path and its `r0` twin: path history of one endpoint, not two endpoints. */
export const v3 = (path: string): readonly [string, string] => [
  `/_matrix/client/v3${path}`,
  `/_matrix/client/r0${path}`,
]
const API_V1 = '/_matrix/client/api/v1'
const V2_ALPHA = '/_matrix/client/v2_alpha'

/** Where it was served in September 2015: that time's clients use both prefixes. */
export const oldPaths = (path: string): readonly [string, string] => [`${API_V1}${path}`, `${V2_ALPHA}${path}`]
/** An endpoint that is the same today as in 2015, with all its paths. */
export const sinceV1 = (path: string): readonly [string, ...string[]] => [...v3(path), ...oldPaths(path)]
/** The same for what came with the second version, in its alpha of 2015. */
export const sinceV2 = (path: string): readonly [string, ...string[]] => [...v3(path), `${V2_ALPHA}${path}`]
/** Whether a request came by a path of 2015, and is answered in the form of that time. */
export const isOldPath = (path: string): boolean => path.startsWith(`${API_V1}/`) || path.startsWith(`${V2_ALPHA}/`)
/** Under `api/v1` a bad access token was answered 403, not 401. */
export const isV1Path = (path: string): boolean => path.startsWith(`${API_V1}/`)

export const v1Only = (path: string): readonly [string] => [`/_matrix/client/v1${path}`]
