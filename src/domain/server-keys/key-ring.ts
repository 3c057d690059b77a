import { type Clock, Slices } from '#base'
import { POLICY_KEY_ID, parseVerifyKey, type SignatureEntry, signaturesOf, signedText, type VerifyKey } from '#rules'
import type { JsonObject, ServerName } from '#spec'
import type { KeyFetches, WantedKey } from './key-fetches.ts'
import type { KnownKeys } from './known-keys.ts'
import { checkSignatures, type SignatureToCheck } from './signature-check.ts'
import type { SignatureThreads } from './signature-threads.ts'

export interface ServerKeyRingParts {
  readonly serverName: ServerName
  /** This server's own keys, as events of its own come back to it. */
  readonly ownKeys: readonly OwnVerifyKey[]
  readonly known: KnownKeys
  readonly fetches: Pick<KeyFetches, 'fetch'>
  readonly threads: Pick<SignatureThreads, 'check'>
  readonly clock: Clock
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

export interface RingKey {
  /** 32 bytes in unpadded Base64. */
  readonly publicKey: string
  readonly key: VerifyKey
}

/** An object with the signatures of its server. */
interface Entry {
  readonly item: SignedObject
  readonly signatures: readonly SignatureEntry[]
}

/** An event needs one signature of each server; a few more may be there while keys change. */
const MAX_SIGNATURES = 10
/** With as many signatures as this, threads check them: 20 ms of this one otherwise. */
const MANY = 200
/** Signatures that are checked in one go here. */
const FEW = 16
const SLICE_MS = 5

/** The keys of servers, by which their signatures are checked. */
export class ServerKeyRing {
  readonly #parts: ServerKeyRingParts
  readonly #own: ReadonlyMap<string, RingKey & { readonly untilMs: number }>
  readonly #slices: Slices

  constructor(parts: ServerKeyRingParts) {
    this.#parts = parts
    this.#slices = new Slices({ clock: parts.clock, sliceMs: SLICE_MS })
    this.#own = new Map(
      parts.ownKeys.flatMap(({ keyId, publicKey, expiredMs = Number.POSITIVE_INFINITY }) => {
        const key = parseVerifyKey(publicKey)
        return key === undefined ? [] : [[keyId, { publicKey, key, untilMs: expiredMs }]]
      }),
    )
  }

  /** The key, if its server vouches for it at that time; undefined if not, or if nobody can say. */
  async verifyKey(server: ServerName, keyId: string, validAtMs: number): Promise<VerifyKey | undefined> {
    return (await this.ringKey(server, keyId, validAtMs))?.key
  }

  /** The same, with the bytes of the key. `fetching`: what a fetch of the key has to wait for. */
  async ringKey(
    server: ServerName,
    keyId: string,
    validAtMs: number,
    fetching: (fetch: () => Promise<void>) => Promise<void> = (fetch) => fetch(),
  ): Promise<RingKey | undefined> {
    const found = await this.#known(server, keyId, validAtMs)
    if (found !== undefined || server === this.#parts.serverName) return found
    await fetching(() => this.#parts.fetches.fetch([{ server, keyId, validAtMs }]))
    return this.#known(server, keyId, validAtMs)
  }

  /** Whether each is signed by its server: one signature with a key that was valid. Keys that are lacking are fetched, all together. */
  async checkSigned(items: readonly SignedObject[]): Promise<readonly boolean[]> {
    const entries = items.map((item) => ({ item, signatures: signaturesIn(item) }))
    await this.#fetchLacking(entries)
    const { checks, places } = await this.#checksOf(entries)
    const answers = await this.#check(checks)
    const signed = items.map(() => false)
    for (const [at, place] of places.entries()) if (answers[at] === true) signed[place] = true
    return signed
  }

  async #fetchLacking(entries: readonly Entry[]): Promise<void> {
    const wanted = new Map<string, WantedKey>()
    const good = new Set<string>()
    for (const { item, signatures } of entries) {
      const { server, validAtMs } = item
      if (server === this.#parts.serverName) continue
      for (const { keyId } of signatures) {
        const name = `${server} ${keyId}`
        if (good.has(`${name} ${validAtMs}`) || (wanted.get(name)?.validAtMs ?? -1) >= validAtMs) continue
        if ((await this.#known(server, keyId, validAtMs)) !== undefined) good.add(`${name} ${validAtMs}`)
        else wanted.set(name, { server, keyId, validAtMs })
      }
    }
    if (wanted.size > 0) await this.#parts.fetches.fetch([...wanted.values()])
  }

  async #checksOf(
    entries: readonly Entry[],
  ): Promise<{ readonly checks: readonly SignatureToCheck[]; readonly places: readonly number[] }> {
    const slice = this.#slices.begin()
    const checks: SignatureToCheck[] = []
    const places: number[] = []
    for (const [place, { item, signatures }] of entries.entries()) {
      if (slice.isOver()) await slice.next()
      const { object, server, validAtMs } = item
      let { text } = item
      for (const { keyId, signature } of signatures) {
        const known = this.#known(server, keyId, validAtMs)
        const key = known instanceof Promise ? await known : known
        text ??= key === undefined ? undefined : textOf(object)
        if (key === undefined || text === undefined) continue
        checks.push({ publicKey: key.publicKey, covers: text, signature })
        places.push(place)
      }
    }
    return { checks, places }
  }

  async #check(checks: readonly SignatureToCheck[]): Promise<readonly boolean[]> {
    if (checks.length >= MANY) return this.#parts.threads.check(checks)
    const slice = this.#slices.begin()
    const answers: boolean[] = []
    for (let from = 0; from < checks.length; from += FEW) {
      if (slice.isOver()) await slice.next()
      answers.push(...checkSignatures(checks.slice(from, from + FEW)))
    }
    return answers
  }

  /** No promise where the keys of the server are in memory. */
  #known(server: ServerName, keyId: string, validAtMs: number): RingKey | undefined | Promise<RingKey | undefined> {
    if (server === this.#parts.serverName) {
      const own = this.#own.get(keyId)
      return own !== undefined && validAtMs <= own.untilMs ? own : undefined
    }
    const keys = this.#parts.known.keysOf(server)
    const pick = (known: Awaited<typeof keys>): RingKey | undefined => {
      const key = known.get(keyId)
      return key !== undefined && validAtMs <= key.validUntilMs ? key : undefined
    }
    return keys instanceof Promise ? keys.then(pick) : pick(keys)
  }
}

const signaturesIn = ({ object, server }: SignedObject): readonly SignatureEntry[] =>
  signaturesOf(object, server)
    .filter(({ keyId }) => keyId !== POLICY_KEY_ID)
    .slice(0, MAX_SIGNATURES)

const textOf = (object: JsonObject): string | undefined => {
  const text = signedText(object)
  return text.ok ? text.value : undefined
}
