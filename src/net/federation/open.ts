import type { LookupAddress } from 'node:dns'
import type { CacheStats, Clock, Random, Tracing } from '#base'
import type { SigningKey } from '#rules'
import type { ServerName } from '#spec'
import { addressRule } from '../private-addresses.ts'
import { FederationClient } from './client.ts'
import { Connections, trusting } from './connections.ts'
import { Discovery } from './discovery.ts'
import { FederationNames } from './names.ts'
import { WellKnown } from './well-known.ts'

export interface FederationNetwork {
  readonly clock: Clock
  readonly random: Random
  readonly signingKey: SigningKey
  readonly userAgent: string
  readonly allows: (server: ServerName) => boolean
  readonly addresses: ReadonlyMap<string, string>
  /** Private addresses and networks that may be connected to. */
  readonly allowedNetworks: readonly string[]
  readonly hosts: ReadonlyMap<string, readonly LookupAddress[]>
  readonly dnsServers: readonly string[]
  /** PEM texts. */
  readonly authorities: readonly string[]
  /** The port of `.well-known`: 443, but in tests. */
  readonly wellKnownPort?: number
  readonly tracing?: Tracing | undefined
}

export interface OpenFederation {
  readonly client: FederationClient
  readonly discovery: Discovery
  caches(): readonly CacheStats[]
}

/** Puts together what it takes to reach other servers. Throws as Node does where a certificate cannot be read. */
export const openFederation = (network: FederationNetwork): OpenFederation => {
  const { clock, random, signingKey, userAgent, allows } = network
  const rule = addressRule(network.allowedNetworks, [])
  const secureContext = trusting(network.authorities)
  const chance = (): number => random.bytes(4).reduce((sum, byte) => sum * 256 + byte, 0) / 2 ** 32
  const names = new FederationNames({ clock, dnsServers: network.dnsServers, hosts: network.hosts, addresses: rule })
  const { lookup } = names
  const port = network.wellKnownPort ?? 443
  const wellKnown = new WellKnown({ clock, chance, addresses: rule, lookup, secureContext, port })
  const discovery = new Discovery({ addresses: network.addresses, wellKnown, names, chance })
  const connections = new Connections({ clock, addresses: rule, lookup, secureContext })
  return {
    client: new FederationClient({
      clock,
      signingKey,
      routes: discovery,
      connections,
      allows,
      userAgent,
      tracing: network.tracing,
    }),
    discovery,
    caches: () => [names.cache.stats(), wellKnown.cache.stats()],
  }
}
