import type { UserId } from '#spec'
import type { Accounts } from '../../accounts/index.ts'
import type { ExternalIdentities, SignInProvider } from '../../sign-in/index.ts'
import { factIn, type Stage, type StageFacts, type StageOffer } from '../../uia/index.ts'
import { OAUTH2_STAGE, SSO_STAGE, serves } from './identity-stages.ts'
import { PASSWORD_STAGE, passwordStage } from './password-and-token.ts'

export interface ReauthenticationParts {
  readonly accounts: Accounts
  readonly identities: ExternalIdentities
  /** Stages of providers; empty if none is configured. */
  readonly identityStages: readonly Stage[]
  readonly providers: readonly SignInProvider[]
}

/** The stages by which somebody with an account proves who they are again. */
export class Reauthentication {
  readonly #parts: ReauthenticationParts

  constructor(parts: ReauthenticationParts) {
    this.#parts = parts
  }

  /** All that `offerFor` may offer. */
  get stages(): readonly Stage[] {
    return [passwordStage(this.#parts.accounts), ...this.#parts.identityStages]
  }

  /** The password if the account has one, a provider if it has an identity there. Without a requester: the password. */
  async offerFor(requester: UserId | undefined): Promise<StageOffer> {
    const account = requester === undefined ? undefined : await this.#parts.accounts.account(requester)
    const linked = requester === undefined ? [] : await this.#linkedWith(requester)
    const stages = this.#parts.identityStages.filter(({ type }) => linked.some((provider) => serves(provider, type)))
    const byPassword = linked.length === 0 || account?.passwordHash !== undefined
    return {
      flows: [...(byPassword ? [[PASSWORD_STAGE]] : []), ...stages.map(({ type }) => [type])],
      stages: [passwordStage(this.#parts.accounts), ...stages],
    }
  }

  async #linkedWith(userId: UserId): Promise<readonly SignInProvider[]> {
    if (this.#parts.providers.length === 0) return []
    const ids = await this.#parts.identities.providersOf(userId)
    return this.#parts.providers.filter(({ id }) => ids.includes(id))
  }
}

/** The user who passed one of the stages that `Reauthentication` offers. */
export const confirmedUser = (facts: StageFacts): UserId => {
  const fact = factIn(facts, 'user', [PASSWORD_STAGE, SSO_STAGE, OAUTH2_STAGE])
  if (fact === undefined) throw new Error('an operation was granted without anybody confirming it')
  return fact.userId
}
