import type { AnyEndpoint } from '#http'
import { type AppservicePingDeps, appservicePingEndpoints } from './appservice-ping.ts'
import { type AppserviceRoomDirectoryDeps, appserviceRoomDirectoryEndpoints } from './appservice-room-directory.ts'
import { type ThirdPartyLookupDeps, thirdPartyLookupEndpoints } from './third-party-lookup.ts'

export type AppservicesDeps = AppservicePingDeps & AppserviceRoomDirectoryDeps & ThirdPartyLookupDeps

/** Requests that application services alone may make, and those that are made to them. */
export const appservicesEndpoints = (deps: AppservicesDeps): readonly AnyEndpoint[] => [
  ...appservicePingEndpoints(deps),
  ...appserviceRoomDirectoryEndpoints(deps),
  ...thirdPartyLookupEndpoints(deps),
]
