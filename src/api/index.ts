import type { AnyEndpoint } from '#http'
import { type CapabilitiesDeps, capabilitiesEndpoints } from './client/capabilities.ts'
import { type SupportDeps, supportEndpoints } from './client/support.ts'
import { versionsEndpoints } from './client/versions.ts'
import { type WellknownDeps, wellknownEndpoints } from './client/wellknown.ts'

export { NOT_BUILT } from './not-built.ts'

/** What the endpoints of each file need, by file. */
export interface ApiDeps {
  readonly capabilities: CapabilitiesDeps
  readonly wellknown: WellknownDeps
  readonly support: SupportDeps
}

/** Every endpoint there is. */
export const apiEndpoints = (deps: ApiDeps): readonly AnyEndpoint[] => [
  ...versionsEndpoints(),
  ...capabilitiesEndpoints(deps.capabilities),
  ...wellknownEndpoints(deps.wellknown),
  ...supportEndpoints(deps.support),
]

export interface ServedEndpoint {
  readonly method: string
  /** As the specification writes it: `/_matrix/client/v3/rooms/{roomId}/send`. */
  readonly path: string
}

/** All paths of all endpoints, for comparing with the official data. */
export const servedEndpoints = (endpoints: readonly AnyEndpoint[]): readonly ServedEndpoint[] =>
  endpoints.flatMap(({ method, paths }) =>
    paths.map((path) => ({ method, path: path.replaceAll(/:([A-Za-z]+)/g, '{$1}') })),
  )
