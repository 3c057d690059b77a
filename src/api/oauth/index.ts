import type { AnyEndpoint } from '#http'
import type { JsonObject } from '#spec'
import { type AuthorizeDeps, authorizeEndpoints } from './authorize.ts'
import { type OAuthClientDeps, oauthClientEndpoints } from './client-endpoints.ts'
import { type LegacyLoginDeps, legacyLoginEndpoints } from './legacy-login.ts'
import { type LinkDeps, linkEndpoints } from './link.ts'
import { metadataEndpoints } from './metadata.ts'

export { toLegacyLogin } from './legacy-login.ts'

export type OAuthDeps = AuthorizeDeps & OAuthClientDeps & LinkDeps & LegacyLoginDeps & { readonly metadata: JsonObject }

/** The OAuth 2.0 API; undefined: this server has none, and says so. */
export const oauthEndpoints = (deps: OAuthDeps | undefined): readonly AnyEndpoint[] => [
  ...metadataEndpoints(deps?.metadata),
  ...(deps === undefined
    ? []
    : [
        ...oauthClientEndpoints(deps),
        ...authorizeEndpoints(deps),
        ...linkEndpoints(deps),
        ...legacyLoginEndpoints(deps),
      ]),
]
