import type { UserId } from '#spec'
import { type Change, type Commit, WriteConflict } from '#store'
import type { Accounts } from '../../accounts/index.ts'
import type { ExternalIdentities, Identity, SignInProvider } from '../../sign-in/index.ts'
import type { Admission } from '../registration/admission.ts'
import type { CreateAccount } from '../registration/create-account.ts'
import type { NewUserIds } from '../registration/new-user-ids.ts'
import type { AccountOfIdentity } from './sign-in-steps.ts'

/** A provider's rules for accounts. */
export type AccountRules = Pick<SignInProvider, 'id' | 'allowRegistration' | 'linkExisting'>

export interface IdentityAccountsParts {
  readonly accounts: Accounts
  readonly identities: ExternalIdentities
  readonly newUserIds: NewUserIds
  readonly createAccount: CreateAccount
  readonly commit: Commit
  readonly admission: Admission
  /** The owner of a verified e-mail address. */
  userWithEmail(address: string): Promise<UserId | undefined>
}

/** Finds the account of an identity at a provider, and makes accounts for people who have none. */
export class IdentityAccounts {
  readonly #parts: IdentityAccountsParts

  constructor(parts: IdentityAccountsParts) {
    this.#parts = parts
  }

  /** Finds the account by the rules of the provider, and commits a link that they make. */
  async accountOf(identity: Identity, provider: AccountRules): Promise<AccountOfIdentity> {
    const linked = await this.#parts.identities.userOf(identity)
    if (linked !== undefined) {
      return (await this.#isActive(linked))
        ? { kind: 'account', userId: linked }
        : { kind: 'refused', why: 'deactivated' }
    }
    const candidate = await this.#candidate(identity, provider)
    if (
      candidate !== undefined &&
      (await this.#mayBecome(candidate, provider)) &&
      (await this.#link(identity, candidate))
    )
      return { kind: 'account', userId: candidate }
    return provider.allowRegistration ? { kind: 'none' } : { kind: 'refused', why: 'noAccount' }
  }

  /** A new account of that identity. Throws what is wrong with the name, `M_USER_IN_USE`, `M_EXCLUSIVE`. */
  async create(
    identity: Identity,
    username: string,
    alongside: (userId: UserId) => readonly Change<unknown>[] = () => [],
  ): Promise<UserId> {
    const { newUserIds, createAccount, identities, admission } = this.#parts
    const userId = await newUserIds.available(username)
    await admission.admit({ userId, way: 'provider' })
    await createAccount.run({
      userId,
      passwordHash: undefined,
      displayName: identity.displayName,
      session: undefined,
      awaitsApproval: admission.approval,
      alongside: [identities.link(identity, userId), ...alongside(userId)],
    })
    // Told now; the error is that of the login which follows.
    if (admission.approval) await admission.waits(userId)
    return userId
  }

  async #candidate(identity: Identity, { linkExisting }: AccountRules): Promise<UserId | undefined> {
    const { accounts } = this.#parts
    switch (linkExisting) {
      case 'never':
        return undefined
      case 'localpart': {
        if (identity.localpart === '') return undefined
        return (await accounts.resolve({ kind: 'user', user: identity.localpart }))?.account?.userId
      }
      case 'verifiedEmail':
        return identity.verifiedEmail === undefined ? undefined : this.#parts.userWithEmail(identity.verifiedEmail)
    }
  }

  /** Whether an identity may be linked to the account: not if it has an identity at that provider already, as providers reuse names and addresses of people who left. */
  async #mayBecome(userId: UserId, { id }: AccountRules): Promise<boolean> {
    return (await this.#isActive(userId)) && !(await this.#parts.identities.providersOf(userId)).includes(id)
  }

  async #isActive(userId: UserId): Promise<boolean> {
    const account = await this.#parts.accounts.account(userId)
    return account !== undefined && account.deactivatedAtMs === undefined && !account.guest
  }

  /** Links an identity. Returns whether the account is theirs now. */
  async #link(identity: Identity, userId: UserId): Promise<boolean> {
    try {
      await this.#parts.commit([this.#parts.identities.link(identity, userId)])
      return true
    } catch (error) {
      if (error instanceof WriteConflict) return false
      throw error
    }
  }
}
