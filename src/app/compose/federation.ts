import type { CacheStats } from '#base'
import { KeyFetches, KeyNotary, KnownKeys, OwnKeys, RequestSigners, ServerKeyRing, SignatureThreads } from '#domain'
import { noOtherServers, type RequestSignatures } from '#http'
import { type FederationClient, type FederationRequests, openFederation, parseHosts, serverRule } from '#net'
import { writers } from '#store'
import { PACKAGE_VERSION } from '../package-version.ts'
import { readPem } from '../tls-files.ts'
import type { Ground } from './ground.ts'

/** How this server and others reach and trust each other. */
export interface BuiltFederation {
  /** Fails for every destination where federation is off. */
  readonly requests: FederationClient
  readonly keyRing: ServerKeyRing
  readonly signatures: RequestSignatures
  /** Answers about keys, for whoever asks. */
  readonly keys: { readonly ownKeys: OwnKeys; readonly keyNotary: KeyNotary }
  caches(): readonly CacheStats[]
  close(): Promise<void>
}

/** Throws `StartError` where a file of authorities cannot be read. */
export const buildFederation = async (ground: Ground): Promise<BuiltFederation> => {
  const { config, clock, random, signingKey } = ground
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
  const keys = buildServerKeys(ground, requests)
  const { keyRing, known, fetches } = keys
  return {
    requests,
    keyRing,
    signatures: enabled ? new RequestSigners({ serverName, keyRing, allows: mayTalk, clock }) : noOtherServers,
    keys: keys.api,
    caches: () => [known.cache.stats(), fetches.attempts.stats(), ...network.caches()],
    close: async () => {
      requests.close()
      await keys.threads.close()
    },
  }
}

/** The keys of servers: those of others, and what this one says of its own. */
const buildServerKeys = ({ config, store, clock, logger, signingKey }: Ground, requests: FederationRequests) => {
  const { name: serverName, oldSigningKeys: oldKeys } = config.server
  const known = new KnownKeys({ reader: store.serverKeys, writer: writers.serverKeys, commit: store.commit, logger })
  const fetches = new KeyFetches({ requests, known, keyServers: config.federation.keyServers, clock, logger })
  const threads = new SignatureThreads(clock)
  const keyRing = new ServerKeyRing({
    ...{ serverName, known, fetches, threads, clock },
    ownKeys: [signingKey, ...oldKeys],
  })
  const ownKeys = new OwnKeys({ key: signingKey, oldKeys, clock })
  const keyNotary = new KeyNotary({ serverName, ownKeys, known, fetches, signingKey, clock })
  return { keyRing, known, fetches, threads, api: { ownKeys, keyNotary } }
}
