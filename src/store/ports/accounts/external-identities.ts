import type { UserId } from '#spec'
import type { Change } from '../engine/change.ts'

/** A person at a provider, and the account here that is theirs. */
export interface ExternalIdentity {
  /** As the operator names the provider. */
  readonly provider: string
  /** As the provider names the person, for ever. */
  readonly subject: string
  readonly userId: UserId
  readonly linkedAtMs: number
}

export interface ExternalIdentitiesWriter {
  /** Once more for the same account it changes nothing. Conflicts: `identity-linked` (to another account), `account-gone` (none, or deactivated). */
  link(identity: ExternalIdentity): Change<void>
}

export interface ExternalIdentitiesReader {
  userOf(provider: string, subject: string): Promise<UserId | undefined>
  /** The providers at which the user has an identity, each once, in their order. */
  providersOf(userId: UserId): Promise<readonly string[]>
}
