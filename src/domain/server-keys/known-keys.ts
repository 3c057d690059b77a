import { BoundedCache, type Logger } from '#base'
import { parseVerifyKey, type VerifyKey } from '#rules'
import type { ServerName } from '#spec'
import type { Commit, ServerKeyRecord, ServerKeysReader, ServerKeysWriter } from '#store'
import { isInsecureKey } from './insecure-keys.ts'
import type { PublishedKeys } from './published-keys.ts'

export interface KnownKeysParts {
  readonly reader: ServerKeysReader
  readonly writer: ServerKeysWriter
  readonly commit: Commit
  readonly logger: Logger
}

export interface KnownKey extends ServerKeyRecord {
  readonly key: VerifyKey
}

type KeysById = ReadonlyMap<string, KnownKey>

const CACHE_BYTES = 16 * 1024 * 1024
/** Bytes of a key in memory, with Node's object for it; its answer comes on top. */
const KEY_BYTES = 700

/** Keys of other servers: kept for good, as a server that is gone cannot be asked again. */
export class KnownKeys {
  readonly #parts: KnownKeysParts
  readonly #read = new Map<ServerName, Promise<KeysById>>()
  readonly cache = new BoundedCache<ServerName, KeysById>({
    name: 'server-keys',
    limitBytes: CACHE_BYTES,
    sizeBytes: (keys) => [...keys.values()].reduce((sum, one) => sum + KEY_BYTES + one.answerJson.length, 200),
  })

  constructor(parts: KnownKeysParts) {
    this.#parts = parts
  }

  /** The keys of a server that this one knows, by their ids. No promise where they are in memory. */
  keysOf(server: ServerName): KeysById | Promise<KeysById> {
    const cached = this.cache.get(server)
    if (cached !== undefined) return cached
    const reading = this.#read.get(server) ?? this.#readKeys(server).finally(() => this.#read.delete(server))
    this.#read.set(server, reading)
    return reading
  }

  /**
   * Takes in what a server says of its keys, or what a notary says that it said. The word of the server itself replaces what was known of a key; a notary may only
   * tell of keys that are not known, or vouch for one in use for longer. A known key id that comes with other bytes is refused.
   */
  async learn(published: PublishedKeys, source: 'server' | 'notary'): Promise<void> {
    const { writer, commit, logger } = this.#parts
    const { serverName: server, keys, json: answerJson } = published
    const known = await this.keysOf(server)
    const news: KnownKey[] = []
    for (const { keyId, publicKey, key, validUntilMs, expired } of keys) {
      const before = known.get(keyId)
      if (before !== undefined && before.publicKey !== publicKey) {
        logger.warn({ server, keyId }, 'a key id came with another key than before; it is refused')
        continue
      }
      if (source === 'notary' && before !== undefined && (before.expired || before.validUntilMs >= validUntilMs))
        continue
      news.push({ server, keyId, publicKey, key, validUntilMs, expired, answerJson })
    }
    if (news.length === 0) return
    await commit([writer.put(news.map(({ key: _key, ...record }) => record))])
    this.cache.set(server, new Map([...(await this.keysOf(server)), ...news.map((one) => [one.keyId, one] as const)]))
  }

  async #readKeys(server: ServerName): Promise<KeysById> {
    const found = new Map<string, KnownKey>()
    for (const record of await this.#parts.reader.serverKeys(server)) {
      const key = isInsecureKey(record.publicKey) ? undefined : parseVerifyKey(record.publicKey)
      if (key !== undefined) found.set(record.keyId, { ...record, key })
    }
    this.cache.set(server, found)
    return found
  }
}
