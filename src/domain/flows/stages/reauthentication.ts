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
  /** The ids of directories, which keep passwords of accounts with an identity there. */
  readonly directories: readonly string[]
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
    const ids = requester === undefined ? [] : await this.#identitiesOf(requester)
    const linked = this.#parts.providers.filter(({ id }) => ids.includes(id))
    const stages = this.#parts.identityStages.filter(({ type }) => linked.some((provider) => serves(provider, type)))
    const isKept = ids.some((id) => this.#parts.directories.includes(id))
    const byPassword = linked.length === 0 || account?.passwordHash !== undefined || isKept
    return {
      flows: [...(byPassword ? [[PASSWORD_STAGE]] : []), ...stages.map(({ type }) => [type])],
      stages: [passwordStage(this.#parts.accounts), ...stages],
    }
  }

  async #identitiesOf(userId: UserId): Promise<readonly string[]> {
    const { identities, providers, directories } = this.#parts
    return providers.length + directories.length === 0 ? [] : identities.providersOf(userId)
  }
}

/** The user who passed one of the stages that `Reauthentication` offers. */
export const confirmedUser = (facts: StageFacts): UserId => {
  const fact = factIn(facts, 'user', [PASSWORD_STAGE, SSO_STAGE, OAUTH2_STAGE])
  if (fact === undefined) throw new Error('an operation was granted without anybody confirming it')
  return fact.userId
}
