import type { Clock } from '#base'
import type { UserId } from '#spec'
import type { Change, ExternalIdentitiesReader, ExternalIdentitiesWriter } from '#store'
import type { Identity } from './identity.ts'

/** Which person at a provider is which account here. */
export class ExternalIdentities {
  readonly #reader: ExternalIdentitiesReader
  readonly #writer: ExternalIdentitiesWriter
  readonly #clock: Clock

  constructor(reader: ExternalIdentitiesReader, writer: ExternalIdentitiesWriter, clock: Clock) {
    this.#reader = reader
    this.#writer = writer
    this.#clock = clock
  }

  /** Also of an account that was deactivated since. */
  userOf({ providerId, subject }: Identity): Promise<UserId | undefined> {
    return this.#reader.userOf(providerId, subject)
  }

  /** The ids of the providers at which the user has an identity. */
  providersOf(userId: UserId): Promise<readonly string[]> {
    return this.#reader.providersOf(userId)
  }

  /** For the account's own commit, or alone. Conflicts: `identity-linked` (to another account), `account-gone`. */
  link({ providerId, subject }: Pick<Identity, 'providerId' | 'subject'>, userId: UserId): Change<void> {
    return this.#writer.link({ provider: providerId, subject, userId, linkedAtMs: this.#clock.nowMs() })
  }
}
