import type { AnyEndpoint } from '#http'
import { type OwnAppsDeps, ownAppsEndpoints } from './apps.ts'
import { type OwnDevicesDeps, ownDevicesEndpoints } from './devices.ts'
import { type OwnEmailsDeps, ownEmailsEndpoints } from './emails.ts'
import { type AccountHomeDeps, accountHomeEndpoints } from './home.ts'
import { type OwnAccountDeps, ownAccountEndpoints } from './own-account.ts'
import { OwnPages } from './own-pages.ts'
import { type AccountProvidersDeps, accountProvidersEndpoints } from './providers.ts'
import { type AccountSignInDeps, accountSignInEndpoints } from './sign-in.ts'
import { type AccountSignUpDeps, accountSignUpEndpoints } from './sign-up.ts'

export { assertOwnForm, BrowserGate, type BrowserRequest, seeOther, sessionOf } from './browser-gate.ts'

export type BrowserAccountsDeps = AccountSignInDeps &
  AccountSignUpDeps &
  AccountProvidersDeps &
  AccountHomeDeps &
  OwnAccountDeps &
  OwnEmailsDeps &
  OwnAppsDeps &
  OwnDevicesDeps

/** The pages for people with an account. */
export const browserAccountsEndpoints = (deps: BrowserAccountsDeps): readonly AnyEndpoint[] => {
  const ownPages = new OwnPages(deps)
  return [
    ...accountSignInEndpoints(deps),
    ...accountSignUpEndpoints(deps),
    ...accountProvidersEndpoints(deps, ownPages),
    ...accountHomeEndpoints(deps, ownPages),
    ...ownAccountEndpoints(deps, ownPages),
    ...ownEmailsEndpoints(deps, ownPages),
    ...ownAppsEndpoints(deps, ownPages),
    ...ownDevicesEndpoints(deps, ownPages),
  ]
}
