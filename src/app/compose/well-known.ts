import type { Config } from '#config'
import type { JsonObject } from '#spec'

/** The content of `/.well-known/matrix/client`, which a login tells too, where the operator says where this server is reached. */
export const wellKnownOf = ({ server, identityServers }: Config): JsonObject | undefined => {
  if (server.publicBaseUrl === undefined) return undefined
  return {
    'm.homeserver': { base_url: server.publicBaseUrl },
    ...(identityServers.announced === undefined
      ? {}
      : { 'm.identity_server': { base_url: identityServers.announced } }),
  }
}
