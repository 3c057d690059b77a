import type { UserId } from '#spec'
import type { Change } from '../engine/change.ts'

/** A person at a provider, and the account here that is theirs. */
export interface ExternalIdentity {
  /** The operator's name for the provider. */
  readonly provider: string
  /** The provider's name for the person, which never changes. */
  readonly subject: string
  readonly userId: UserId
  readonly linkedAtMs: number
}

export interface ExternalIdentitiesWriter {
  /** Links an identity to an account; a repeated link changes nothing. Conflicts: `identity-linked` (to another account), `account-gone` (no account, or deactivated). */
  link(identity: ExternalIdentity): Change<void>
  /** Removes the links of an account but these. */
  keepOnly(userId: UserId, kept: readonly Pick<ExternalIdentity, 'provider' | 'subject'>[]): Change<void>
}

export interface ExternalIdentitiesReader {
  userOf(provider: string, subject: string): Promise<UserId | undefined>
  /** The providers at which the user has an identity, each once, sorted. */
  providersOf(userId: UserId): Promise<readonly string[]>
  /** In the order of their providers. */
  identitiesOf(userId: UserId): Promise<readonly Pick<ExternalIdentity, 'provider' | 'subject'>[]>
}
