import { BoundedCache, BoundedWork, type Clock, type Logger } from '#base'
import type { FederationRequests } from '#net'
import { parseVerifyKey, signaturesOf, signedText, type VerifyKey } from '#rules'
import type { JsonObject, ServerName } from '#spec'
import { type PublishedKeys, parsePublishedKeys } from './published-keys.ts'

export interface ServerKeyRingParts {
  readonly serverName: ServerName
  /** This server's own keys, as events of its own come back to it. */
  readonly ownKeys: readonly OwnVerifyKey[]
  readonly requests: Pick<FederationRequests, 'json'>
  readonly clock: Clock
  readonly logger: Logger
}

export interface OwnVerifyKey {
  readonly keyId: string
  /** 32 bytes in unpadded Base64. */
  readonly publicKey: string
  /** The last time at which it was in use; undefined for the one in use now. */
  readonly expiredMs?: number
}

/** A signed JSON object, and the server that must have signed it. */
export interface SignedObject {
  readonly object: JsonObject
  /** The text that the signature covers, where it is at hand. */
  readonly text?: string
  readonly server: ServerName
  /** A time at which the key must have been valid; 0 where it does not matter (room versions before 5). */
  readonly validAtMs: number
}

const CACHE_BYTES = 4 * 1024 * 1024
/** Bytes of a key in memory, with Node's object for it. */
const KEY_BYTES = 600
const FETCH_MS = 20_000
const MAX_ANSWER_BYTES = 256 * 1024
/** A server that did not answer, or whose answer lacks the key, is asked again after this. */
const RETRY_MS = 60_000
const FETCHES = { concurrency: 50, maxWaiting: 2_000 }

interface Known {
  readonly keys: PublishedKeys | undefined
  readonly fetchedMs: number
}

/** The keys of other servers, by which their signatures are checked. */
export class ServerKeyRing {
  readonly #parts: ServerKeyRingParts
  readonly #known = new BoundedCache<ServerName, Known>({
    name: 'server-keys',
    limitBytes: CACHE_BYTES,
    sizeBytes: ({ keys }) => 100 + (keys?.keys.length ?? 0) * KEY_BYTES,
  })
  readonly #underWay = new Map<ServerName, Promise<Known>>()
  readonly #fetches = new BoundedWork(FETCHES)

  constructor(parts: ServerKeyRingParts) {
    this.#parts = parts
  }

  get cache(): BoundedCache<ServerName, Known> {
    return this.#known
  }

  /** The key, if the server vouches for it at that time; undefined if not, or if nobody can say. */
  async verifyKey(server: ServerName, keyId: string, validAtMs: number): Promise<VerifyKey | undefined> {
    if (server === this.#parts.serverName) return this.#ownKey(keyId, validAtMs)
    const known = this.#known.get(server)
    const found = known === undefined ? undefined : keyIn(known, keyId, validAtMs)
    if (found !== undefined) return found
    if (known !== undefined && this.#parts.clock.nowMs() - known.fetchedMs < RETRY_MS) return undefined
    return keyIn(await this.#fetched(server), keyId, validAtMs)
  }

  /** Whether each is signed by its server: one signature with a key that was valid. */
  async checkSigned(items: readonly SignedObject[]): Promise<readonly boolean[]> {
    return Promise.all(items.map((item) => this.#isSigned(item)))
  }

  async #isSigned({ object, text, server, validAtMs }: SignedObject): Promise<boolean> {
    const covered = text ?? textOf(object)
    if (covered === undefined) return false
    const signatures = signaturesOf(object, server).filter(({ keyId }) => keyId !== POLICY_SERVER)
    for (const { keyId, signature } of signatures.slice(0, MAX_SIGNATURES)) {
      const key = await this.verifyKey(server, keyId, validAtMs)
      if (key?.verify(covered, signature) === true) return true
    }
    return false
  }

  #ownKey(keyId: string, validAtMs: number): VerifyKey | undefined {
    const own = this.#parts.ownKeys.find((one) => one.keyId === keyId)
    if (own === undefined || validAtMs > (own.expiredMs ?? Number.POSITIVE_INFINITY)) return undefined
    return parseVerifyKey(own.publicKey)
  }

  #fetched(server: ServerName): Promise<Known> {
    const underWay = this.#underWay.get(server)
    if (underWay !== undefined) return underWay
    const fetching = this.#fetches.run(() => this.#fetch(server)).finally(() => this.#underWay.delete(server))
    this.#underWay.set(server, fetching)
    return fetching
  }

  async #fetch(server: ServerName): Promise<Known> {
    const { requests, clock, logger } = this.#parts
    let keys: PublishedKeys | undefined
    try {
      const answer = await requests.json(server, {
        method: 'GET',
        path: '/_matrix/key/v2/server',
        timeoutMs: FETCH_MS,
        maxBytes: MAX_ANSWER_BYTES,
      })
      keys = parsePublishedKeys(answer, server, clock.nowMs())
      if (keys === undefined) logger.warn({ server }, 'a server answered with keys that cannot be used')
    } catch (err) {
      logger.info({ server, err }, 'the keys of a server could not be fetched')
    }
    const known = { keys: keys ?? this.#known.get(server)?.keys, fetchedMs: clock.nowMs() }
    this.#known.set(server, known)
    return known
  }
}

/** An event needs one signature of each server; a few more may be there while keys change. */
const MAX_SIGNATURES = 10
/** The key of a policy server, which is in the room's state and never published as a key of its server ("Policy Servers"). */
const POLICY_SERVER = 'ed25519:policy_server'

const keyIn = ({ keys }: Known, keyId: string, validAtMs: number): VerifyKey | undefined =>
  keys?.keys.find((one) => one.keyId === keyId && validAtMs <= one.validUntilMs)?.key

const textOf = (object: JsonObject): string | undefined => {
  const text = signedText(object)
  return text.ok ? text.value : undefined
}
