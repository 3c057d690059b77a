import type { UserId } from '#spec'
import type { Requester } from './requester.ts'

/** Where a token was used, for the list of devices. */
export interface TokenUse {
  readonly ip: string
  readonly userAgent: string | undefined
}

/**
 * A part of the server that gave out access tokens. There may be several, each with tokens of a shape of its own. Declared here because the
 * edge needs it, wired in `app`.
 */
export interface TokenIssuer {
  /** Whether the token has the shape of those given out here: of a foreign one no database is asked. */
  issued(accessToken: string): boolean
  /** Throws `M_UNKNOWN_TOKEN`. Without `use` the token is looked up, but the device is not seen. */
  check(accessToken: string, use?: TokenUse): Promise<Requester>
  /** `listener` is told the users of whom a lately used token may be void now: their waiting requests end at once. */
  onVoided?(listener: (userId: UserId) => void): void
}
