import type { DeviceId, ServerName, UserId } from '#spec'

/** Requests that an account may make in a second, and at once. */
export interface OwnRateLimit {
  readonly perSecond: number
  readonly burst: number
}

/** A session of an account. */
interface Session {
  readonly userId: UserId
  readonly user: number
  /** Empty for an application service that asks for no device, and for an administrator who acts as the user. */
  readonly deviceId: DeviceId
  /** Internal number of the device; transaction ids and to-device messages belong to it. Below zero where there is no device. */
  readonly device: number
  /** Whether the account may say nothing new for now (client-server API, "Account suspension"). */
  readonly suspended: boolean
  /** Whether what the account does is taken and reaches nobody, which it must not notice. */
  readonly shadowBanned: boolean
  /** A limit of the account's own for what it sends, set by an administrator; 0 a second lifts all limits. Absent: the configured ones. */
  readonly rateLimit?: OwnRateLimit | undefined
}

export interface User extends Session {
  readonly kind: 'user'
  readonly admin: boolean
  /** The id of the OAuth client that got the access token; undefined: it came from a login of the legacy API. */
  readonly oauthClient?: string
  /** The application service that asks for the user, by its id. */
  readonly service?: string
  /** Whether an application service acts as the user, by its own token or in a session that it began, and does not have them for itself alone. */
  readonly borrowed?: boolean
  /** The token by which an administrator acts as the user. */
  readonly impersonation?: number
}

/** An account that was given out without a name (client-server API, module "Guest Access"). */
export interface Guest extends Session {
  readonly kind: 'guest'
}

/** Another homeserver, by its signature under the request (server-server API, "Request Authentication"). */
export interface RemoteServer {
  readonly kind: 'server'
  readonly serverName: ServerName
}

/** The callers that an access token stands for. */
export type Requester = User | Guest

/** All kinds of callers, told apart by `kind`. A kind that is added here makes the compiler point at every `switch` that lacks it. */
export type Caller = Requester | RemoteServer

/** The name under which a caller's requests are counted; undefined for nobody known. No user id equals a server's name. */
export const countedAs = (caller: Caller | undefined): string | undefined =>
  caller?.kind === 'server' ? caller.serverName : caller?.userId
