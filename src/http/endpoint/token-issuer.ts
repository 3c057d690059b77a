import type { Requester } from './requester.ts'

/** A use of a token by a request. */
export interface TokenUse {
  /** The place, for the list of devices. */
  readonly ip: string
  readonly userAgent: string | undefined
  /** To be called before a token is looked up in a database. Throws `M_LIMIT_EXCEEDED` where too many wrong ones came from the address. */
  beforeLookUp(): Promise<void>
  /** Whether the endpoint is open to locked accounts too. */
  readonly admitsLocked: boolean
  /** For whom an application service asks, as the query says; other tokens stand for one user and one device. */
  readonly masquerade: Masquerade
}

/** Application service API, "Identity assertion". */
export interface Masquerade {
  readonly userId: string | undefined
  readonly deviceId: string | undefined
}

/**
 * A part of the server that gave out access tokens. There may be several, each with tokens of a shape of its own. Declared here because the
 * edge needs it, wired in `app`.
 */
export interface TokenIssuer {
  /** Whether the token has the shape of this issuer's tokens. No other token is looked up in a database. */
  mayHaveIssued(accessToken: string): boolean
  /** Whether its tokens are those of application services. */
  readonly forServices?: boolean
  /** Throws `M_UNKNOWN_TOKEN` and `M_USER_LOCKED`. Without `use` the device does not count as seen. */
  check(accessToken: string, use?: TokenUse): Promise<Requester>
  /** `listener` is told the number of each user of whom a token became void, whose waiting requests are checked again; or `all`. */
  onVoided?(listener: (user: number | 'all') => void): void
}
