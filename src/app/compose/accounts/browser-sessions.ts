import {
  BROWSER_SESSION_IDLE_MS,
  BrowserSessions,
  CROSS_SIGNING_RESET_MS,
  CrossSigningResets,
  type KeptBrowserSession,
  OAUTH_STAGE_OF_PROPOSAL,
  type Reauthentication,
} from '#domain'
import { ACCOUNT_PAGE } from '#pages'
import type { Ground } from '../ground/ground.ts'

const MAX_SESSIONS = 200_000
const MAX_SESSIONS_OF_USER = 50

/** Whether browsers reach this server by https. */
export const isSecure = ({ config }: Pick<Ground, 'config'>): boolean =>
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

/** `account_management_uri` with the action that "servers SHOULD use in the URL of the `m.oauth` UIA type". */
export const buildCrossSigningResets = (
  { shortLived, config, clock }: Ground,
  reauthentication: Reauthentication,
): CrossSigningResets =>
  new CrossSigningResets({
    allowed: shortLived.table('cross-signing-reset', { lifetimeMs: CROSS_SIGNING_RESET_MS }),
    permitted: shortLived.table('cross-signing-permission', { lifetimeMs: CROSS_SIGNING_RESET_MS }),
    reauthentication,
    clock,
    url: `${config.server.publicBaseUrl ?? ''}${ACCOUNT_PAGE}?action=${OAUTH_STAGE_OF_PROPOSAL}`,
  })
