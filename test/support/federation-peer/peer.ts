import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type SigningKey, signingKeyFromSeed, signJson } from '#rules'
import type { JsonObject, JsonValue, ServerName } from '#spec'
import type { Json } from '../client.ts'
import { type PeerHandler, PeerListener, type Received, reply } from './listener.ts'
import { PeerRoom, type PeerRoomSetup } from './peer-room.ts'
import { jsonOf, type Outgoing, type PeerAnswer, PeerRequests } from './requests.ts'
import { isSignedBy, readAuthorization } from './x-matrix.ts'

export interface PeerSetup {
  /** Default `peer.example`. The certificate is for a few names alone (`certificate.ts`). */
  readonly name?: string
  readonly keyId?: string
  /** Default: any that is free. For a server whose name says where it is. */
  readonly port?: number
  /** 32 bytes in Base64; default: random ones. */
  readonly seed?: string
}

/** Returns the id of the event if it is one for it. */
export type PduTaker = (pdu: Json) => string | undefined

const KEY_LIFE_MS = 24 * 3_600_000

/** A homeserver for tests: see README.md. */
export class FederationPeer {
  readonly name: ServerName
  readonly key: SigningKey
  readonly #listener: PeerListener
  readonly #requests: PeerRequests
  readonly #publicKeys = new Map<string, Promise<Json>>()
  readonly #takers: PduTaker[] = []
  #transactions = 0

  private constructor(name: string, key: SigningKey, port: number) {
    this.name = name as ServerName
    this.key = key
    this.#requests = new PeerRequests(name, key)
    this.#listener = new PeerListener((request, text) => this.#isSigned(request, text), port)
    this.on('GET', '/_matrix/key/v2/server', () => reply(this.keys()))
    this.on('GET', '/_matrix/federation/v1/version', () => reply({ server: { name: 'peer', version: '1' } }))
    this.on('PUT', '/_matrix/federation/v1/send/:txnId', ({ body }) => {
      const taken = body.pdus.flatMap((pdu: Json) => this.#takers.map((take) => take(pdu)))
      const ids = taken.filter((eventId: string | undefined) => eventId !== undefined)
      return reply({ pdus: Object.fromEntries(ids.map((eventId: string) => [eventId, {}])) })
    })
  }

  static async start({
    name = 'peer.example',
    keyId = 'ed25519:peer',
    port = 0,
    seed,
  }: PeerSetup = {}): Promise<FederationPeer> {
    const peer = new FederationPeer(name, peerKey(name, keyId, seed), port)
    await peer.listen()
    return peer
  }

  /** `127.0.0.1:PORT`, for `federation.addresses`. Stays after `close`. */
  get address(): string {
    return `127.0.0.1:${this.#listener.port}`
  }

  /** Requests that came, in order. */
  get received(): readonly Received[] {
    return this.#listener.received
  }

  listen(): Promise<void> {
    return this.#listener.listen()
  }

  /** Nobody listens any more, and open connections are cut. `listen` brings it back, at the same address. */
  close(): Promise<void> {
    return this.#listener.close()
  }

  cutConnections(): void {
    this.#listener.cutConnections()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#requests.close()
    if (this.#listener.listens) await this.close()
  }

  /** Where this peer reaches another server: `host:port`, TLS. */
  knows(serverName: string, address: string): void {
    this.#requests.knows(serverName, address)
  }

  /** Plugs in a handler; `:name` in the path stands for one member. The last one for a path is asked first. */
  on(method: string, path: string, handler: PeerHandler): void {
    this.#listener.on(method, path, handler)
  }

  /** Is given each PDU that comes in a transaction. */
  onPdu(take: PduTaker): void {
    this.#takers.push(take)
  }

  /** What it says of its keys, signed; a test may publish other things by a handler of its own. */
  keys(changes: JsonObject = {}): JsonObject {
    const object = {
      server_name: this.name,
      valid_until_ts: Date.now() + KEY_LIFE_MS,
      verify_keys: { [this.key.keyId]: { key: this.key.publicKey } },
      old_verify_keys: {},
      ...changes,
    }
    const signed = signJson(object, this.key)
    if (!signed.ok) throw new Error(signed.failure.reason)
    return signed.value
  }

  createRoom(setup: Omit<PeerRoomSetup, 'key'> = {}): PeerRoom {
    return PeerRoom.create({ ...setup, key: this.key })
  }

  // --- out ---

  /** A signed request; each part of it can be wrong. Throws only where no answer came. */
  request(destination: string, outgoing: Outgoing): Promise<PeerAnswer> {
    return this.#requests.send(destination, outgoing)
  }

  /** Like `request`, for when it is to succeed: the body. */
  async ok(destination: string, outgoing: Outgoing): Promise<Json> {
    const answer = await this.request(destination, outgoing)
    if (answer.status !== 200)
      throw new Error(`${outgoing.method ?? 'GET'} ${outgoing.uri} was answered ${answer.status}: ${answer.text}`)
    return answer.body
  }

  get(destination: string, uri: string): Promise<Json> {
    return this.ok(destination, { uri })
  }

  /** `PUT /send/{txnId}`. */
  sendTransaction(
    destination: string,
    pdus: readonly JsonValue[],
    {
      edus = [],
      transactionId = `t${this.#transactions++}`,
    }: { edus?: readonly JsonValue[]; transactionId?: string } = {},
  ): Promise<PeerAnswer> {
    const body = { origin: this.name, origin_server_ts: Date.now(), pdus: [...pdus], edus: [...edus] }
    return this.request(destination, {
      method: 'PUT',
      uri: `/_matrix/federation/v1/send/${encodeURIComponent(transactionId)}`,
      body,
    })
  }

  /** All PDUs that others have sent here, in order. */
  receivedPdus(): Json[] {
    return this.received.flatMap(({ path, body }) => (isSend(path) ? (body?.pdus ?? []) : []))
  }

  receivedEdus(type?: string): Json[] {
    return this.received
      .flatMap(({ path, body }) => (isSend(path) ? (body?.edus ?? []) : []))
      .filter((edu: Json) => type === undefined || edu.edu_type === type)
  }

  /** Resolves with the first request, come or to come, of which that is true. */
  requestWhich(holds: (request: Received) => boolean, timeoutMs?: number): Promise<Received> {
    return this.#listener.requestWhich(holds, timeoutMs)
  }

  /** Resolves with the PDU, once somebody has sent it here. */
  async pduWhich(holds: (pdu: Json) => boolean, timeoutMs = 20_000): Promise<Json> {
    const { body } = await this.requestWhich(
      ({ path, body: sent }) => isSend(path) && (sent?.pdus ?? []).some(holds),
      timeoutMs,
    )
    return body.pdus.find(holds)
  }

  async eduWhich(holds: (edu: Json) => boolean, timeoutMs = 20_000): Promise<Json> {
    const { body } = await this.requestWhich(
      ({ path, body: sent }) => isSend(path) && (sent?.edus ?? []).some(holds),
      timeoutMs,
    )
    return body.edus.find(holds)
  }

  async #isSigned(request: IncomingMessage, text: string): Promise<boolean> {
    const authorization = readAuthorization(request.headers.authorization)
    if (authorization === undefined || !this.#requests.isKnown(authorization.origin)) return false
    const { origin, destination, keyId, signature } = authorization
    const known = await this.#keysOf(origin)
    const publicKey = known?.verify_keys?.[keyId]?.key
    if (typeof publicKey !== 'string' || destination !== this.name) return false
    const content = text === '' ? undefined : jsonOf(text)
    return isSignedBy(publicKey, signature, {
      method: request.method ?? '',
      uri: request.url ?? '',
      origin,
      destination,
      content,
    })
  }

  #keysOf(server: string): Promise<Json> {
    const known = this.#publicKeys.get(server)
    if (known !== undefined) return known
    const asked = this.request(server, { uri: '/_matrix/key/v2/server', authorization: null }).then(
      ({ body }) => body,
      () => {
        this.#publicKeys.delete(server)
      },
    )
    this.#publicKeys.set(server, asked)
    return asked
  }
}

/** A key in any server's name, known to nobody. */
export const peerKey = (name: string, keyId: string, seed = randomBytes(32).toString('base64')): SigningKey => {
  const key = signingKeyFromSeed(keyId, name as ServerName, seed)
  if (!key.ok) throw new Error(key.failure.reason)
  return key.value
}

const isSend = (path: string): boolean => path.startsWith('/_matrix/federation/v1/send/')
