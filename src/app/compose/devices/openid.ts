import { OpenIdTokens } from '#domain'
import type { BuiltAccounts } from '../accounts/accounts.ts'
import type { Ground } from '../ground/ground.ts'

/** Builds the tokens that prove to other services who somebody is. */
export const buildOpenIdTokens = (
  { config, store, shortLived, random }: Ground,
  accounts: BuiltAccounts,
): OpenIdTokens =>
  new OpenIdTokens({
    accounts: { isActive: (userId) => accounts.mayAct(userId) },
    devices: store.devices,
    tokens: shortLived.table('openid-token', { lifetimeMs: 3_600_000 }),
    serverName: config.server.name,
    random,
  })
