import type { IncomingHttpHeaders } from 'node:http'
import { MatrixError, userSuspended } from '#spec'
import type { Caller, Guest, RemoteServer, Requester, User } from './requester.ts'

/** The parts of a request that can say who made it. */
export interface AuthRequest {
  readonly method: string
  /** Path and query as they were sent: a signature covers both. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  /** All headers `Authorization`, of which `headers` has the first: servers may send several. */
  readonly authorizations: readonly string[]
  /** The body, once it was read and where it is JSON; undefined at the stage `headers`. */
  readonly body: unknown
  /** The text that `body` was parsed from; undefined where the request has none. */
  readonly bodyText: string | undefined
  readonly ip: string
  /**
   * The owner of the access token that came with the request; undefined without a token. Throws `M_UNKNOWN_TOKEN`; and `M_USER_LOCKED`, unless
   * the owners of locked accounts are asked for too. `itself`: an application service, whomever its query names.
   */
  tokenOwner(of?: { readonly locked?: boolean; readonly itself?: boolean }): Promise<Requester> | undefined
  /** Whether the access token that came with the request is that of an application service. */
  readonly asksService: boolean
  /** The homeserver that signed the request. Throws `M_UNAUTHORIZED`, and `M_FORBIDDEN` for servers that this one does not talk with. */
  signer(): Promise<RemoteServer>
}

/**
 * Identifies the requester of an endpoint. The handler gets what `identify` returns, so an endpoint that forgets a kind of caller does not
 * compile.
 *
 * `stage`: `headers` runs before the body is read; `body` after it was read and parsed and before it is checked against the schema, for
 * signatures that cover the body.
 */
export interface Auth<R extends Caller | undefined> {
  readonly stage: 'headers' | 'body'
  /** Throws what the client is told: `M_MISSING_TOKEN`, `M_UNKNOWN_TOKEN`, `M_FORBIDDEN` … */
  identify(request: AuthRequest): R | Promise<R>
}

const byToken = <R extends Requester>(admitted: (requester: Requester) => R, of = { locked: false }): Auth<R> => ({
  stage: 'headers',
  identify: (request) => {
    const owner = request.tokenOwner(of)
    if (owner === undefined) throw new MatrixError('M_MISSING_TOKEN', 'Missing access token')
    return owner.then(admitted)
  },
})

const noGuest = (requester: Requester): User => {
  if (requester.kind === 'guest') throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests cannot do this')
  return requester
}

/** For what a suspended account may not do (client-server API, "Account suspension"). */
const notSuspended = <R extends Requester>(requester: R): R => {
  if (requester.suspended) throw userSuspended()
  return requester
}

const NONE: Auth<undefined> = { stage: 'headers', identify: () => undefined }
const OPTIONAL: Auth<Requester | undefined> = { stage: 'headers', identify: (request) => request.tokenOwner() }
const USER = byToken(noGuest)
const USER_OR_GUEST = byToken<User | Guest>((requester) => requester)
const ANYBODY_WITH_A_TOKEN = byToken<User | Guest>((requester) => requester, { locked: true })
const ACTIVE_USER = byToken((requester) => notSuspended(noGuest(requester)))
const ACTIVE_USER_OR_GUEST = byToken<User | Guest>(notSuspended)
const ADMIN = byToken((requester) => {
  const user = noGuest(requester)
  if (!user.admin) throw new MatrixError('M_FORBIDDEN', 'Only administrators of this server can do this')
  return user
})

const SERVICE_OR_NOBODY: Auth<User | undefined> = {
  stage: 'headers',
  identify: (request) => (request.asksService ? request.tokenOwner({ itself: true })?.then(noGuest) : undefined),
}

/** An application service as itself, as it makes and enters accounts that need not be there yet; other access tokens are not looked at, and nobody is known. */
export const serviceOrNobody = (): Auth<User | undefined> => SERVICE_OR_NOBODY

/** No access token is read, and nobody is known. */
export const none = (): Auth<undefined> => NONE

/** An access token counts where there is one, and must then be valid. */
export const optional = (): Auth<Requester | undefined> => OPTIONAL

interface Admitted {
  readonly guests?: true
  readonly locked?: true
  /** false: suspended accounts get `M_USER_SUSPENDED`. */
  readonly suspended?: false
}

/** An account of this server; guests get `M_GUEST_ACCESS_FORBIDDEN` unless they are admitted, and locked accounts `M_USER_LOCKED`. */
export function user(options?: Admitted & { readonly guests?: never; readonly locked?: never }): Auth<User>
export function user(options: Admitted & { readonly guests: true }): Auth<User | Guest>
export function user({ guests, locked, suspended }: Admitted = {}): Auth<User | Guest> {
  if (locked === true) return ANYBODY_WITH_A_TOKEN
  if (suspended === false) return guests === true ? ACTIVE_USER_OR_GUEST : ACTIVE_USER
  return guests === true ? USER_OR_GUEST : USER
}

/**
 * The same callers, without those whose token an OAuth client got: what the endpoint does is left to the pages of the account ("The User-Interactive
 * Authentication API is not compatible with the OAuth 2.0 API").
 */
export const byLegacyLogin = <R extends Caller | undefined>(auth: Auth<R>): Auth<R> => ({
  stage: auth.stage,
  identify: async (request) => {
    const caller = await auth.identify(request)
    if (caller?.kind === 'user' && caller.oauthClient !== undefined)
      throw new MatrixError(
        'M_FORBIDDEN',
        'Apps leave this to the pages of the account, which people open in a browser',
      )
    return caller
  },
})

/** The same callers, without application services that speak as a person: how somebody gets into an account, and by which keys others know them, is theirs to say. */
export const byOwner = (auth: Auth<User>): Auth<User> => ({
  stage: auth.stage,
  identify: async (request) => {
    const caller = await auth.identify(request)
    if (caller.borrowed === true)
      throw new MatrixError(
        'M_FORBIDDEN',
        'An application service does not change how people get into their accounts, or by which keys others know them',
      )
    return caller
  },
})

const SERVER: Auth<RemoteServer> = { stage: 'body', identify: (request) => request.signer() }

/** Another homeserver that signed the request, its body with it. */
export const server = (): Auth<RemoteServer> => SERVER

/** An account that may administer this server; others get `M_FORBIDDEN`. */
export const admin = (): Auth<User> => ADMIN
