import { type BrowserAccountsDeps, BrowserGate } from '#api'
import { BROWSER_SESSION_IDLE_MS, BrowserSessions, BrowserSignIn, FormTokens, type KeptBrowserSession } from '#domain'
import { PASSWORD_PAGE } from '#pages'
import type { BuiltAccounts } from './accounts.ts'
import type { Ground } from './ground.ts'

const MAX_SESSIONS = 200_000
const MAX_SESSIONS_OF_USER = 50

const isSecure = ({ config }: Pick<Ground, 'config'>): boolean =>
  config.server.publicBaseUrl?.startsWith('https:') === true

/** Sessions are in the database alone, so each who needs them may build them. */
export const buildBrowserSessions = (ground: Ground): BrowserSessions =>
  new BrowserSessions({
    table: ground.shortLived.table<KeptBrowserSession>('browser-session', {
      lifetimeMs: BROWSER_SESSION_IDLE_MS,
      rows: MAX_SESSIONS,
      rowsOfOwner: MAX_SESSIONS_OF_USER,
    }),
    accounts: ground.store.accounts,
    commit: ground.store.commit,
    clock: ground.clock,
    random: ground.random,
    secure: isSecure(ground),
  })

/** Builds the pages for people with an account. */
export const buildBrowserAccounts = (ground: Ground, { accounts, api }: BuiltAccounts): BrowserAccountsDeps => {
  const sessions = buildBrowserSessions(ground)
  return {
    sessions,
    gate: new BrowserGate(sessions),
    formTokens: new FormTokens({ random: ground.random, secure: isSecure(ground) }),
    browserSignIn: new BrowserSignIn({ accounts, sessions, commit: ground.store.commit }),
    serverName: ground.config.server.name,
    recovery: api.ownMail === undefined ? undefined : PASSWORD_PAGE,
  }
}
