import type { UserId } from '#spec'
import type { Accounts } from '../accounts/index.ts'
import type { ExternalIdentities } from '../sign-in/index.ts'
import type { Stage, StageOffer } from '../uia/index.ts'
import { OAUTH2_STAGE, SSO_STAGE } from './identity-stages.ts'
import { PASSWORD_STAGE, passwordStage } from './stages.ts'

/** How somebody with an account proves that it is still they. */
export class Reauthentication {
  readonly #accounts: Accounts
  readonly #identities: ExternalIdentities
  /** Of providers; none where none is set up. */
  readonly #identityStages: readonly Stage[]
  readonly #providers: ReadonlySet<string>

  constructor(
    accounts: Accounts,
    identities: ExternalIdentities,
    identityStages: readonly Stage[],
    providers: readonly { readonly id: string }[],
  ) {
    this.#accounts = accounts
    this.#identities = identities
    this.#identityStages = providers.length === 0 ? [] : identityStages
    this.#providers = new Set(providers.map(({ id }) => id))
  }

  /** By the password where the account has one; by a provider where it has an identity there. Without a requester: by the password. */
  async offerFor(requester: UserId | undefined): Promise<StageOffer> {
    const account = requester === undefined ? undefined : await this.#accounts.account(requester)
    const linked =
      requester !== undefined &&
      this.#identityStages.length > 0 &&
      (await this.#identities.providersOf(requester)).some((provider) => this.#providers.has(provider))
    const byPassword = !linked || account?.passwordHash !== undefined
    return {
      flows: [
        ...(byPassword ? [[PASSWORD_STAGE]] : []),
        ...(linked ? this.#identityStages.map(({ type }) => [type]) : []),
      ],
      stages: [passwordStage(this.#accounts), ...(linked ? this.#identityStages : [])],
    }
  }
}

/** Who passed one of the stages that `Reauthentication` offers. */
export const confirmedUser = (facts: ReadonlyMap<string, string | undefined>): UserId => {
  const fact = facts.get(PASSWORD_STAGE) ?? facts.get(SSO_STAGE) ?? facts.get(OAUTH2_STAGE)
  if (fact === undefined) throw new Error('an operation was granted without anybody confirming it')
  return fact as UserId
}
