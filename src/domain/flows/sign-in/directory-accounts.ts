import { failureWords, type Logger, type Unavailable } from '#base'
import { type ProvenIdentity, ProviderFailure } from '#net'
import { MatrixError, type UserId } from '#spec'
import type { Change } from '#store'
import type { PasswordsElsewhere } from '../../accounts/index.ts'
import { type ClaimTemplates, type ExternalIdentities, type Identity, identityFrom } from '../../sign-in/index.ts'
import type { AccountRules, IdentityAccounts } from './identity-accounts.ts'

/** A directory that knows people's passwords; `LdapDirectory` of `#net`. */
export interface PasswordDirectory {
  /** `subject`: the person who is meant. undefined: name and password do not belong together. Throws `ProviderFailure`. */
  authenticate(name: string, password: string, subject?: string): Promise<ProvenIdentity | undefined>
}

export interface DirectoryAccountsParts {
  readonly directory: PasswordDirectory
  readonly provider: AccountRules & { readonly name: string; readonly templates: ClaimTemplates }
  readonly accounts: IdentityAccounts
  readonly identities: ExternalIdentities
  /** Adds the address to a new account; no changes where it belongs to another. */
  addressOf(userId: UserId, address: string): readonly Change<unknown>[]
  /** Whether nobody has the address. */
  isFree(address: string): Promise<boolean>
  readonly logger: Logger
}

/** Nobody can say now whether the password is right. */
class DirectoryUnavailable extends Error implements Unavailable {
  override readonly name = 'DirectoryUnavailable'
  readonly retryAfterMs = 5_000
}

/** Accounts of people in a directory, which keeps their passwords. */
export class DirectoryAccounts implements PasswordsElsewhere {
  readonly #parts: DirectoryAccountsParts

  constructor(parts: DirectoryAccountsParts) {
    this.#parts = parts
  }

  /** The directory's name for people, if it keeps the user's password. */
  async keeperOf(userId: UserId): Promise<string | undefined> {
    return (await this.#subjectOf(userId)) === undefined ? undefined : this.#parts.provider.name
  }

  async accountOf(name: string, known: UserId | undefined, password: string): Promise<UserId | undefined> {
    const subject = known === undefined ? undefined : await this.#subjectOf(known)
    const proven = await this.#asked(name, password, subject)
    if (proven === undefined || (subject !== undefined && proven.subject !== subject)) return undefined
    const identity = identityFrom(this.#parts.provider, proven.subject, proven.claims)
    const found = await this.#parts.accounts.accountOf(identity, this.#parts.provider)
    if (found.kind === 'account') return found.userId
    return found.kind === 'none' ? this.#made(identity) : undefined
  }

  async #subjectOf(userId: UserId): Promise<string | undefined> {
    const linked = await this.#parts.identities.identitiesOf(userId)
    return linked.find(({ provider }) => provider === this.#parts.provider.id)?.subject
  }

  async #asked(name: string, password: string, subject: string | undefined): Promise<ProvenIdentity | undefined> {
    try {
      return await this.#parts.directory.authenticate(name, password, subject)
    } catch (error) {
      if (!(error instanceof ProviderFailure)) throw error
      const reason = failureWords(error.cause)
      this.#parts.logger.warn({ kind: error.kind, reason }, 'the directory could not say whether a password is right')
      throw new DirectoryUnavailable('the directory does not answer as it should', { cause: error })
    }
  }

  /** A new account. undefined: its name cannot be had here, as somebody else has it or it is reserved. */
  async #made(identity: Identity): Promise<UserId | undefined> {
    const { accounts, addressOf, isFree, provider, logger } = this.#parts
    const email = identity.verifiedEmail
    const adds = email !== undefined && (await isFree(email))
    try {
      return await accounts.create(identity, identity.localpart, (userId) => (adds ? addressOf(userId, email) : []))
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
      // Somebody who signs in twice at once finds the account that the other request made.
      const again = await accounts.accountOf(identity, provider)
      if (again.kind === 'account') return again.userId
      logger.warn(
        { localpart: identity.localpart, reason: error.message },
        'no account could be made for a person of the directory',
      )
      return undefined
    }
  }
}
