import { type ApiDeps, apiEndpoints } from '#api'
import type { Clock, Logger, Random } from '#base'
import type { Config } from '#config'
import type { AnyEndpoint, RateLimiter, TokenCheck } from '#http'
import type { SigningKey } from '#rules'
import type { Store } from '#store'
import { Streams } from '#streams'
import { type AccountsRooms, buildAccounts } from './compose-accounts.ts'
import { operationalEndpoints } from './landing-page.ts'
import { PACKAGE_VERSION } from './package-version.ts'

/** What the rooms are built on, opened by `createHomeserver`. */
export interface Ground {
  readonly config: Config
  readonly store: Store
  readonly signingKey: SigningKey
  readonly rateLimiter: RateLimiter
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export interface Composed {
  readonly streams: Streams
  readonly tokens: TokenCheck
  readonly endpoints: readonly AnyEndpoint[]
  /** Finishes what goes on behind the answers; after the edge has stopped, before the store closes. */
  settle(): Promise<void>
}

/** The one place that knows every room: store → streams → domain → views → api. Each step is a builder of its own below. */
export const compose = async (ground: Ground): Promise<Composed> => {
  const streams = await buildStreams(ground)
  const accounts = buildAccounts(ground, { leaveAll: () => Promise.resolve() })
  await accounts.resume()
  return {
    streams,
    tokens: accounts.accessTokens,
    endpoints: [...operational(ground.config), ...apiEndpoints(buildApi(ground, accounts))],
    settle: () => accounts.settle(),
  }
}

/** Streams advance after each commit, never before. */
const buildStreams = async ({ store, clock }: Ground): Promise<Streams> => {
  const streams = new Streams(clock, await store.positions())
  store.onCommitted(({ announcements, positions }) => streams.advance(positions, announcements))
  return streams
}

const buildApi = ({ config }: Ground, accounts: AccountsRooms): ApiDeps => ({
  accounts: accounts.api,
  capabilities: { defaultRoomVersion: config.server.defaultRoomVersion },
  wellknown: {
    publicBaseUrl: config.server.publicBaseUrl,
    federationDelegatedTo: config.federation.delegatedTo,
  },
  support: {
    admin: { matrixId: config.support.adminMatrixId, emailAddress: config.support.adminEmail },
    security: { matrixId: config.support.securityMatrixId, emailAddress: config.support.securityEmail },
    supportPage: config.support.page,
  },
})

const operational = ({ server }: Config): readonly AnyEndpoint[] =>
  operationalEndpoints({ serverName: server.name, version: PACKAGE_VERSION, publicBaseUrl: server.publicBaseUrl })
