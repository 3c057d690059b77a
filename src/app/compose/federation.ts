import type { CacheStats } from '#base'
import { RequestSigners, ServerKeyRing } from '#domain'
import { noOtherServers, type RequestSignatures } from '#http'
import { type FederationClient, openFederation, parseHosts, serverRule } from '#net'
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
  random,
  logger,
  signingKey,
}: Pick<Ground, 'config' | 'clock' | 'random' | 'logger' | 'signingKey'>): Promise<BuiltFederation> => {
  const { enabled, allow, deny, addresses, allowedNetworks, ca, dnsServers, hostsFile } = config.federation
  const serverName = config.server.name
  const mayTalk = serverRule({ allow, deny })
  const { client: requests, ...network } = openFederation({
    ...{ clock, random, signingKey, addresses, allowedNetworks, dnsServers },
    hosts: hostsFile === undefined ? new Map() : parseHosts(await readPem(hostsFile)),
    authorities: await Promise.all(ca.map(readPem)),
    allows: (server) => enabled && server !== serverName && mayTalk(server),
    userAgent: `Homeroom/${PACKAGE_VERSION}`,
  })
  const keyRing = new ServerKeyRing({ serverName, ownKeys: [signingKey], requests, clock, logger })
  return {
    requests,
    keyRing,
    signatures: enabled ? new RequestSigners({ serverName, keyRing, allows: mayTalk, clock }) : noOtherServers,
    caches: () => [keyRing.cache.stats(), ...network.caches()],
    close: () => requests.close(),
  }
}
