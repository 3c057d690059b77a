import type { Config } from '#config'
import { rtcTransportsOf } from '#domain'
import type { JsonObject } from '#spec'

/** The content of `/.well-known/matrix/client`, which a login tells too, where the operator says where this server is reached. */
export const wellKnownOf = ({ server, identityServers, voip }: Config): JsonObject | undefined => {
  if (server.publicBaseUrl === undefined) return undefined
  return {
    'm.homeserver': { base_url: server.publicBaseUrl },
    ...(identityServers.announced === undefined
      ? {}
      : { 'm.identity_server': { base_url: identityServers.announced } }),
    // MSC4143 in its first form: Element Call of before 2026 looks for it here.
    ...(voip.livekitUrls.length === 0 ? {} : { 'org.matrix.msc4143.rtc_foci': rtcTransportsOf(voip.livekitUrls) }),
  }
}
