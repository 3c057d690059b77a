import Type from 'typebox'
import { silentLogger, systemClock, systemRandom } from '#base'
import { OwnKeys, RequestSigners, ServerKeyRing } from '#domain'
import { type AnyEndpoint, createEdge, endpoint, none, noRateLimits, RawJson, server } from '#http'
import { type FederationClient, openFederation, serverRule } from '#net'
import { type SigningKey, signingKeyFromSeed } from '#rules'
import type { JsonObject, ServerName } from '#spec'
import { FEDERATION_CERTIFICATE, FEDERATION_KEY, TEST_AUTHORITY } from '../../../support/certificate.ts'
import { ownAddress } from '../../../support/federation-servers.ts'

export const keyOf = (serverName: string, seed = 'A'.repeat(43), keyId = 'ed25519:a_1'): SigningKey => {
  const key = signingKeyFromSeed(keyId, serverName as ServerName, seed)
  if (!key.ok) throw new Error(key.failure.reason)
  return key.value
}

export interface PeerSetup {
  readonly key?: SigningKey
  readonly addresses?: ReadonlyMap<string, string>
  readonly allow?: readonly string[]
  readonly deny?: readonly string[]
}

const LIMITS = {
  bodyBytes: 1024 * 1024,
  headerBytes: 16 * 1024,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  uploadTimeoutMs: 10_000,
  keepAliveTimeoutMs: 5_000,
  writeTimeoutMs: 5_000,
}

/** The transport of a homeserver and nothing else: it publishes its key, and `PUT /_matrix/federation/v1/echo/:word` answers with who asked. */
export class SignedPeer {
  readonly serverName: ServerName
  readonly client: FederationClient
  readonly keyRing: ServerKeyRing
  readonly address: string
  readonly #stop: () => Promise<void>

  private constructor(
    parts: Pick<SignedPeer, 'serverName' | 'client' | 'keyRing' | 'address'> & { stop(): Promise<void> },
  ) {
    this.serverName = parts.serverName
    this.client = parts.client
    this.keyRing = parts.keyRing
    this.address = parts.address
    this.#stop = parts.stop
  }

  static async start(name: string, { key, addresses, allow = [], deny = [] }: PeerSetup = {}): Promise<SignedPeer> {
    const serverName = `${name}.servers.example` as ServerName
    const signingKey =
      key ?? keyOf(serverName, Buffer.from(name.padEnd(32, '.').slice(0, 32)).toString('base64').slice(0, 43))
    const allows = serverRule({ allow, deny })
    const { client } = openFederation({
      clock: systemClock,
      random: systemRandom,
      signingKey,
      addresses: addresses ?? new Map(),
      allowedNetworks: [],
      hosts: new Map(),
      dnsServers: [],
      authorities: [TEST_AUTHORITY],
      allows,
      userAgent: 'test',
    })
    const keyRing = new ServerKeyRing({
      ...{ serverName, ownKeys: [signingKey], requests: client, clock: systemClock, logger: silentLogger },
    })
    const ownKeys = new OwnKeys({ key: signingKey, clock: systemClock })
    const edge = createEdge({
      endpoints: [...echo, keysEndpoint(ownKeys)],
      callers: { issuers: [], signatures: new RequestSigners({ serverName, keyRing, allows, clock: systemClock }) },
      rateLimiter: noRateLimits,
      limits: LIMITS,
      trustProxy: false,
      clock: systemClock,
      reports: { logger: silentLogger, logRequests: false },
    })
    const { host, port } = await ownAddress()
    await edge.listen({ host, port, tls: { cert: FEDERATION_CERTIFICATE, key: FEDERATION_KEY } })
    return new SignedPeer({
      ...{ serverName, client, keyRing, address: `${host}:${port}` },
      stop: async () => {
        client.close()
        await edge.stop(100)
      },
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop()
  }
}

const echo: readonly AnyEndpoint[] = (['PUT', 'GET'] as const).map((method) =>
  endpoint({
    method,
    paths: ['/_matrix/federation/v1/echo/:word'],
    auth: server(),
    rateLimit: 'other',
    ...(method === 'PUT' ? { body: Type.Object({}, { additionalProperties: true }) } : {}),
    handler: async ({ requester, body }): Promise<JsonObject> => ({
      from: requester.serverName,
      ...(body === undefined ? {} : { body: body as JsonObject }),
    }),
  }),
)

const keysEndpoint = (ownKeys: OwnKeys): AnyEndpoint =>
  endpoint({
    method: 'GET',
    paths: ['/_matrix/key/v2/server'],
    auth: none(),
    rateLimit: 'other',
    handler: async () => new RawJson(ownKeys.published()),
  })
