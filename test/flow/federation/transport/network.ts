import { systemRandom } from '#base'
import { type FederationClient, openFederation } from '#net'
import { type SigningKey, signingKeyFromSeed } from '#rules'
import type { JsonValue, ServerName } from '#spec'
import { OTHER_CERTIFICATE, TEST_AUTHORITY } from '../../../support/certificate.ts'
import { DnsServer } from '../../../support/other-servers/dns-server.ts'
import { SteppedClock } from '../../../support/stepped-clock.ts'
import { TlsSite } from './tls-site.ts'

export type NetworkChanges = Partial<Parameters<typeof openFederation>[0]>

export const PATH = '/_matrix/federation/v1/version'

export const keyOf = (serverName: string, seed = `${'B'.repeat(42)}A`, keyId = 'ed25519:a_1'): SigningKey => {
  const key = signingKeyFromSeed(keyId, serverName as ServerName, seed)
  if (!key.ok) throw new Error(key.failure.reason)
  return key.value
}

/** A client of other servers, with a DNS server, a host for `.well-known`, and a clock of its own. */
export class Network {
  readonly dns: DnsServer
  /** The host that all names lead to which `wellKnownAt` is told. */
  readonly web: TlsSite
  readonly clock = new SteppedClock()
  readonly client: FederationClient

  private constructor(dns: DnsServer, web: TlsSite, changes: NetworkChanges) {
    this.dns = dns
    this.web = web
    const { client } = openFederation({
      clock: this.clock,
      random: systemRandom,
      signingKey: keyOf('us.example'),
      addresses: new Map(),
      allowedNetworks: ['127.0.0.0/8', '::1'],
      hosts: new Map(),
      dnsServers: [dns.address],
      authorities: [TEST_AUTHORITY, OTHER_CERTIFICATE],
      allows: () => true,
      userAgent: 'test',
      wellKnownPort: web.port,
      ...changes,
    })
    this.client = client
  }

  static async start(changes: NetworkChanges = {}): Promise<Network> {
    return new Network(await DnsServer.start(), await TlsSite.start(), changes)
  }

  /** A name whose only web server is `web`. */
  name(name: string, ...addresses: string[]): void {
    this.dns.names.set(name, [addresses.length === 0 ? [this.web.host] : addresses])
  }

  ask(server: string, request: { timeoutMs?: number; maxBytes?: number } = {}): Promise<JsonValue> {
    return this.client.json(server as ServerName, { method: 'GET', path: PATH, ...request })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close()
    await this.web[Symbol.asyncDispose]()
    await this.dns[Symbol.asyncDispose]()
  }
}
