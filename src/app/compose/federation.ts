import type { CacheStats } from '#base'
import { RequestSigners, ServerKeyRing } from '#domain'
import { noOtherServers, type RequestSignatures } from '#http'
import { addressRule, Connections, checkedLookup, Discovery, dnsLookup, FederationClient, serverRule } from '#net'
import { PACKAGE_VERSION } from '../package-version.ts'
import { readPem } from '../tls-files.ts'
import type { Ground } from './ground.ts'

/** How this server and others reach and trust each other. */
export interface BuiltFederation {
  /** Fails for every destination where federation is off. */
  readonly requests: FederationClient
  readonly keyRing: ServerKeyRing
  readonly signatures: RequestSignatures
  caches(): readonly CacheStats[]
  close(): void
}

/** Throws `StartError` where a file of authorities cannot be read. */
export const buildFederation = async ({
  config,
  clock,
  logger,
  signingKey,
}: Pick<Ground, 'config' | 'clock' | 'logger' | 'signingKey'>): Promise<BuiltFederation> => {
  const { enabled, allow, deny, addresses, allowedNetworks, ca } = config.federation
  const serverName = config.server.name
  const mayTalk = serverRule({ allow, deny })
  const rule = addressRule(allowedNetworks, [])
  const connections = new Connections({
    clock,
    addresses: rule,
    lookup: checkedLookup(rule, dnsLookup([])),
    authorities: await Promise.all(ca.map(readPem)),
  })
  const requests = new FederationClient({
    clock,
    signingKey,
    connections,
    routes: new Discovery({ addresses }),
    allows: (server) => enabled && server !== serverName && mayTalk(server),
    userAgent: `Homeroom/${PACKAGE_VERSION}`,
  })
  const keyRing = new ServerKeyRing({ requests, clock, logger })
  return {
    requests,
    keyRing,
    signatures: enabled ? new RequestSigners({ serverName, keyRing, allows: mayTalk, clock }) : noOtherServers,
    caches: () => [keyRing.cache.stats()],
    close: () => requests.close(),
  }
}
