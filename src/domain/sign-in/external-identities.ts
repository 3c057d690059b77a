import type { Clock } from '#base'
import type { UserId } from '#spec'
import type { Change, ExternalIdentitiesReader, ExternalIdentitiesWriter } from '#store'
import type { Identity } from './identity.ts'

export interface ExternalIdentitiesParts {
  readonly reader: ExternalIdentitiesReader
  readonly writer: ExternalIdentitiesWriter
  readonly clock: Clock
}

/** Links persons at providers to accounts here. */
export class ExternalIdentities {
  readonly #parts: ExternalIdentitiesParts

  constructor(parts: ExternalIdentitiesParts) {
    this.#parts = parts
  }

  /** The account of an identity, even if it was deactivated since. */
  userOf({ providerId, subject }: Pick<Identity, 'providerId' | 'subject'>): Promise<UserId | undefined> {
    return this.#parts.reader.userOf(providerId, subject)
  }

  /** The ids of the providers at which the user has an identity. */
  providersOf(userId: UserId): Promise<readonly string[]> {
    return this.#parts.reader.providersOf(userId)
  }

  identitiesOf(userId: UserId): ReturnType<ExternalIdentitiesReader['identitiesOf']> {
    return this.#parts.reader.identitiesOf(userId)
  }

  /** Removes the links of an account but these. Conflict: `account-gone`. */
  keepOnly(userId: UserId, kept: Parameters<ExternalIdentitiesWriter['keepOnly']>[1]): Change<void> {
    return this.#parts.writer.keepOnly(userId, kept)
  }

  /** For the account's own commit, or alone. Conflicts: `identity-linked` (to another account), `account-gone`. */
  link({ providerId, subject }: Pick<Identity, 'providerId' | 'subject'>, userId: UserId): Change<void> {
    return this.#parts.writer.link({ provider: providerId, subject, userId, linkedAtMs: this.#parts.clock.nowMs() })
  }
}
