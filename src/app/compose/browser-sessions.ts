import { BROWSER_SESSION_IDLE_MS, BrowserSessions, type KeptBrowserSession } from '#domain'
import type { Ground } from './ground.ts'

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
