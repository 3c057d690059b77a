import type { AnyEndpoint } from '#http'
import { type AppservicePingDeps, appservicePingEndpoints } from './appservice-ping.ts'
import { type AppserviceRoomDirectoryDeps, appserviceRoomDirectoryEndpoints } from './appservice-room-directory.ts'
import { type ThirdPartyLookupDeps, thirdPartyLookupEndpoints } from './third-party-lookup.ts'

export type AppservicesDeps = AppservicePingDeps & AppserviceRoomDirectoryDeps & ThirdPartyLookupDeps

/** What application services alone may ask, and what is asked of them. */
export const appservicesEndpoints = (deps: AppservicesDeps): readonly AnyEndpoint[] => [
  ...appservicePingEndpoints(deps),
  ...appserviceRoomDirectoryEndpoints(deps),
  ...thirdPartyLookupEndpoints(deps),
]
