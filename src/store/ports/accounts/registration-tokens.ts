import type { Change } from '../engine/change.ts'

/** A token for `m.login.registration_token`. */
export interface RegistrationTokenRecord {
  readonly token: string
  /** undefined: any number of times. */
  readonly usesAllowed: number | undefined
  readonly uses: number
  /** undefined: never. */
  readonly expiresAtMs: number | undefined
}

export interface TokenLimits {
  readonly usesAllowed?: number | undefined
  readonly expiresAtMs?: number | undefined
}

export interface RegistrationTokensWriter {
  /** Conflict: `registration-token-exists`. */
  create(token: string, usesAllowed: number | undefined, expiresAtMs: number | undefined): Change<void>
  /** Counts one registration. Conflict: `registration-token-void` (unknown, expired or used up). */
  use(token: string, atMs: number): Change<void>
  /** Changes the limits: an absent one stays, undefined is none. Conflict: `registration-token-gone`. */
  limit(token: string, limits: TokenLimits): Change<void>
  remove(token: string): Change<void>
}

export interface RegistrationTokensReader {
  registrationToken(token: string): Promise<RegistrationTokenRecord | undefined>
  registrationTokens(limit: number): Promise<readonly RegistrationTokenRecord[]>
}
