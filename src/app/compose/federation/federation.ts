import type { CacheStats } from '#base'
import {
  KeyFetches,
  KeyNotary,
  KnownKeys,
  OwnKeys,
  RequestSigners,
  ServerCheck,
  ServerKeyRing,
  SignatureThreads,
} from '#domain'
import { type LabelledReading, noOtherServers, type RequestSignatures } from '#http'
import { type FederationClient, type FederationRequests, openFederation, parseHosts, serverRule } from '#net'
import type { ServerName } from '#spec'
import { writers } from '#store'
import { PACKAGE_VERSION } from '../../host/package-version.ts'
import { readAuthority, readPem } from '../../host/tls-files.ts'
import type { Ground } from '../ground/ground.ts'

/** How this server and others reach and trust each other. */
export interface BuiltFederation {
  /** Fails for every destination where federation is off. */
  readonly requests: FederationClient
  readonly keyRing: ServerKeyRing
  readonly signatures: RequestSignatures
  /** Answers about keys, for whoever asks. */
  readonly keys: { readonly ownKeys: OwnKeys; readonly keyNotary: KeyNotary }
  readonly serverCheck: ServerCheck
  /** Metrics by destination. */
  readonly readings: readonly LabelledReading[]
  caches(): readonly CacheStats[]
  close(): Promise<void>
}

/** Throws `StartError` where a file of authorities cannot be read. */
export const buildFederation = async (ground: Ground): Promise<BuiltFederation> => {
  const { config, clock, random, signingKey, tracing } = ground
  const { enabled, addresses, allowedNetworks, ca, dnsServers, hostsFile } = config.federation
  const serverName = config.server.name
  let rule = serverRule(config.federation)
  ground.reloads.on((changed) => {
    rule = serverRule(changed.federation)
  })
  const mayTalk = (server: ServerName): boolean =>
    rule(server) && !ground.bans.bansServer(server) && !ground.blockedServers.blocks(server)
  const allows = (server: ServerName): boolean => enabled && server !== serverName && mayTalk(server)
  const { client: requests, ...network } = openFederation({
    ...{ clock, random, signingKey, addresses, allowedNetworks, dnsServers, tracing },
    hosts: hostsFile === undefined ? new Map() : parseHosts(await readPem(hostsFile)),
    authorities: await Promise.all(ca.map(readAuthority)),
    allows,
    userAgent: `Homeroom/${PACKAGE_VERSION}`,
  })
  const keys = buildServerKeys(ground, requests)
  const { keyRing, known, fetches } = keys
  return {
    requests,
    keyRing,
    signatures: enabled
      ? new RequestSigners({ serverName, keyRing, allows: mayTalk, threads: keys.threads, clock })
      : noOtherServers,
    keys: keys.api,
    serverCheck: new ServerCheck({ serverName, signingKey, requests, discovery: network.discovery, allows, clock }),
    readings: destinationReadings(requests),
    caches: () => [known.cache.stats(), fetches.attempts.stats(), ...network.caches()],
    close: async () => {
      requests.close()
      await keys.threads.close()
    },
  }
}

const destinationReadings = ({ counts }: FederationClient): readonly LabelledReading[] => {
  const label = 'destination'
  return [
    {
      name: 'homeroom_federation_requests_total',
      help: 'Requests to other servers.',
      ...{ kind: 'counter', label, read: () => counts.read('requests') },
    },
    {
      name: 'homeroom_federation_failures_total',
      help: 'Requests to other servers that nobody answered.',
      ...{ kind: 'counter', label, read: () => counts.read('failures') },
    },
    {
      name: 'homeroom_federation_last_success_seconds',
      help: 'Time of the last answer of another server, in seconds of Unix; 0: none since the start.',
      ...{ kind: 'gauge', label, read: () => inSeconds(counts.read('lastSuccessMs')) },
    },
  ]
}

function* inSeconds(times: Iterable<readonly [string, number]>): Iterable<readonly [string, number]> {
  for (const [destination, ms] of times) yield [destination, ms / 1_000]
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
