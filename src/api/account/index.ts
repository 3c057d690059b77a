import type { AnyEndpoint } from '#http'
import { type AccountHomeDeps, accountHomeEndpoints } from './home.ts'
import { type AccountProvidersDeps, accountProvidersEndpoints } from './providers.ts'
import { type AccountSignInDeps, accountSignInEndpoints } from './sign-in.ts'
import { type AccountSignUpDeps, accountSignUpEndpoints } from './sign-up.ts'

export { assertOwnForm, BrowserGate, type BrowserRequest, seeOther } from './browser-gate.ts'

export type BrowserAccountsDeps = AccountHomeDeps & AccountSignInDeps & AccountSignUpDeps & AccountProvidersDeps

/** The pages for people with an account. */
export const browserAccountsEndpoints = (deps: BrowserAccountsDeps): readonly AnyEndpoint[] => [
  ...accountSignInEndpoints(deps),
  ...accountSignUpEndpoints(deps),
  ...accountProvidersEndpoints(deps),
  ...accountHomeEndpoints(deps),
]
