import { type BrowserAccountsDeps, BrowserGate } from '#api'
import { BrowserSignIn, FormTokens, LinkIdentities, OwnAccount, SignUp } from '#domain'
import { PASSWORD_PAGE } from '#pages'
import type { BuiltAccounts } from '../accounts/accounts.ts'
import { buildBrowserSessions, isSecure } from '../accounts/browser-sessions.ts'
import { directoriesOf } from '../accounts/directory.ts'
import type { Ground } from '../ground/ground.ts'
import { buildConsents, oauthClientsOf } from './oauth-clients.ts'

export { buildBrowserSessions } from '../accounts/browser-sessions.ts'

/** Builds the pages for people with an account. */
export const buildBrowserAccounts = (
  ground: Ground,
  { accounts, api, forBrowsers }: BuiltAccounts,
  profile: Pick<BrowserAccountsDeps, 'profiles' | 'setProfile'>,
): BrowserAccountsDeps => {
  const sessions = buildBrowserSessions(ground)
  const gate = new BrowserGate(sessions)
  const { devices, deactivate, endSessions, changePassword, thirdPartyIds, newSecret } = api
  return {
    ...{ sessions, gate, devices, deactivate, endSessions, thirdPartyIds, newSecret },
    ...profile,
    oauthClients: oauthClientsOf(ground),
    consents: buildConsents(ground),
    hasApps: ground.config.oauth.enabled && ground.config.server.publicBaseUrl !== undefined,
    ownAccount: new OwnAccount({
      ...{ accounts, sessions, changePassword },
      keeperOf: forBrowsers.keeperOf,
    }),
    crossSigningResets: forBrowsers.crossSigningResets,
    formTokens: new FormTokens({ random: ground.random, secure: isSecure(ground) }),
    browserSignIn: new BrowserSignIn({ accounts, sessions, commit: ground.store.commit }),
    signUp: new SignUp({ register: api.register, accounts, sessions }),
    registrationPolicy: api.registrationPolicy,
    registrationEmail: api.registrationEmail,
    ownMail: api.ownMail,
    captchaScript: api.captchaScript,
    serverName: ground.config.server.name,
    signIn: api.signInPages.signIn,
    newcomers: { providers: api.signIn.providers.filter(({ allowRegistration }) => allowRegistration) },
    baseUrl: ground.config.server.publicBaseUrl ?? '',
    linkIdentities: new LinkIdentities({
      ...{ accounts, commit: ground.store.commit },
      identities: forBrowsers.identities,
      providers: api.signIn.providers,
      directories: directoriesOf(ground.config),
      pendingSignIns: forBrowsers.pendingSignIns,
    }),
    recovery: api.ownMail === undefined ? undefined : PASSWORD_PAGE,
  }
}
