import type { AnyEndpoint } from '#http'
import { type AccountHomeDeps, accountHomeEndpoints } from './home.ts'
import { type AccountSignInDeps, accountSignInEndpoints } from './sign-in.ts'

export { assertOwnForm, BrowserGate, type BrowserRequest, seeOther } from './browser-gate.ts'

export type BrowserAccountsDeps = AccountHomeDeps & AccountSignInDeps

/** The pages for people with an account. */
export const browserAccountsEndpoints = (deps: BrowserAccountsDeps): readonly AnyEndpoint[] => [
  ...accountSignInEndpoints(deps),
  ...accountHomeEndpoints(deps),
]
