import { MatrixError, type UserId } from '#spec'
import { type Change, type Commit, type ShortLivedTable, WriteConflict } from '#store'
import type { Accounts } from '../../accounts/index.ts'
import type { ExternalIdentities, Identity, SignInProvider } from '../../sign-in/index.ts'
import type { PendingSignIn } from './sign-in-steps.ts'

export interface LinkIdentitiesParts {
  readonly accounts: Pick<Accounts, 'account'>
  readonly identities: ExternalIdentities
  readonly providers: readonly SignInProvider[]
  /** The ids of directories, which open accounts by passwords. */
  readonly directories: readonly string[]
  readonly pendingSignIns: ShortLivedTable<PendingSignIn>
  readonly commit: Commit
}

export interface LinkedProvider {
  readonly id: string
  readonly name: string
  readonly linked: boolean
}

/** Adds and removes the identities at providers that open somebody's account. */
export class LinkIdentities {
  readonly #parts: LinkIdentitiesParts

  constructor(parts: LinkIdentitiesParts) {
    this.#parts = parts
  }

  /** All providers that are configured, and whether the account has an identity there. */
  async providersOf(userId: UserId): Promise<readonly LinkedProvider[]> {
    const { identities, providers } = this.#parts
    if (providers.length === 0) return []
    const linked = await identities.providersOf(userId)
    return providers.map(({ id, name }) => ({ id, name, linked: linked.includes(id) }))
  }

  /** The identity with which a browser came back; undefined unless that browser session began. */
  async pending(id: string, browser: string): Promise<Identity | undefined> {
    const pending = await this.#parts.pendingSignIns.find(id)
    return pending?.kind === 'link' && pending.browser === browser ? pending.identity : undefined
  }

  /** Links that identity. Throws `M_FORBIDDEN` where it took too long, belongs to another account, or the account has another one at that provider. */
  async link(id: string, browser: string, userId: UserId): Promise<void> {
    const { identities, pendingSignIns, commit } = this.#parts
    const identity = await this.pending(id, browser)
    if (identity === undefined) throw new MatrixError('M_FORBIDDEN', 'This took too long; begin again')
    const owner = await identities.userOf(identity)
    if (owner !== userId && (await identities.providersOf(userId)).includes(identity.providerId)) {
      throw new MatrixError('M_FORBIDDEN', `Your account has another identity of ${identity.providerName}`)
    }
    try {
      await commit([identities.link(identity, userId), pendingSignIns.taking(id)])
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
      throw new MatrixError('M_FORBIDDEN', `This identity of ${identity.providerName} opens another account`)
    }
  }

  /** Removes the account's identities at a provider. Throws `M_FORBIDDEN` where nothing else opens the account. */
  async unlink(userId: UserId, providerId: string): Promise<void> {
    const { accounts, identities, providers, directories } = this.#parts
    const linked = await identities.identitiesOf(userId)
    const kept = linked.filter(({ provider }) => provider !== providerId)
    const account = await accounts.account(userId)
    const ids = [...providers.map(({ id }) => id), ...directories]
    const opensElsewhere = kept.some(({ provider }) => ids.includes(provider))
    if (account?.passwordHash === undefined && !opensElsewhere) {
      throw new MatrixError('M_FORBIDDEN', 'Set a password first: nothing else opens your account')
    }
    await this.#parts.commit([this.#keeping(userId, kept)])
  }

  #keeping(userId: UserId, kept: Parameters<ExternalIdentities['keepOnly']>[1]): Change<void> {
    return this.#parts.identities.keepOnly(userId, kept)
  }
}
