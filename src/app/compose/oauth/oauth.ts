import { BrowserGate, type OAuthDeps } from '#api'
import {
  AuthorizationCodes,
  DEVICE_GRANT_LIFETIME_MS,
  DeviceGrants,
  GrantTokens,
  type KeptCode,
  type KeptDeviceGrant,
  type LoginTokenOwner,
  LoginTokens,
  serverMetadata,
  unusedClientsSweep,
} from '#domain'
import { ACCOUNT_PAGE } from '#pages'
import { type LeasedWork, writers } from '#store'
import type { BuiltAccounts } from '../accounts/accounts.ts'
import type { Ground } from '../ground/ground.ts'
import { buildBrowserSessions } from './browser-accounts.ts'
import { buildConsents, oauthClientsOf } from './oauth-clients.ts'

/** Device grants that wait for one address, which may be that of many people. */
const GRANTS_OF_ADDRESS = 50
const GRANTS = 10_000
const CODES_OF_USER = 20

/** Actions that the pages of accounts can be asked for. */
const ACCOUNT_ACTIONS = [
  'org.matrix.profile',
  'org.matrix.devices_list',
  'org.matrix.device_view',
  'org.matrix.device_delete',
  'org.matrix.account_deactivate',
  'org.matrix.cross_signing_reset',
]

/** Builds the OAuth 2.0 API, where it is on. */
export const buildOAuth = (ground: Ground, accounts: BuiltAccounts): OAuthDeps | undefined => {
  const { config, shortLived, clock, random, rateLimiter, store } = ground
  const issuer = config.server.publicBaseUrl
  if (!config.oauth.enabled || issuer === undefined) return undefined
  const clients = oauthClientsOf(ground)
  const limits = { lifetimeMs: DEVICE_GRANT_LIFETIME_MS, rowsOfOwner: GRANTS_OF_ADDRESS, rows: GRANTS }
  const codes = new AuthorizationCodes({
    table: shortLived.table<KeptCode>('oauth-code', {
      lifetimeMs: DEVICE_GRANT_LIFETIME_MS,
      rowsOfOwner: CODES_OF_USER,
    }),
    clock,
  })
  const deviceGrants = new DeviceGrants({
    grants: shortLived.table<KeptDeviceGrant>('oauth-device-grant', limits),
    userCodes: shortLived.table<{ readonly deviceCode: string }>('oauth-user-code', limits),
    clock,
    random,
  })
  const { sessions, endSessions, devices } = accounts.api
  const registration = config.registration.mode !== 'closed'
  return {
    ...{ issuer, clients, codes, deviceGrants, devices, registration, clock, consents: buildConsents(ground) },
    grantTokens: new GrantTokens({ clients, codes, deviceGrants, sessions, endSessions, commit: store.commit }),
    loginTokens: new LoginTokens({
      tokens: shortLived.table<LoginTokenOwner>('login-token', { lifetimeMs: config.signIn.loginTokenLifetime }),
      random,
    }),
    gate: new BrowserGate(buildBrowserSessions(ground)),
    countTry: (userId) => rateLimiter.consume('login', `device code ${userId}`),
    metadata: serverMetadata({ issuer, registration, accountPage: ACCOUNT_PAGE, accountActions: ACCOUNT_ACTIONS }),
  }
}

/** Removes clients that nobody uses. */
export const buildOAuthSweep = ({ store, clock, logger, config }: Ground): LeasedWork =>
  unusedClientsSweep({
    ...{ clock, logger, writer: writers.oauthClients, commit: store.commit },
    lifetimeMs: config.oauth.unusedClientLifetime,
  })
