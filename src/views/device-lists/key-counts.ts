import { BoundedCache, type CacheStats, jsonBytes, type Soon } from '#base'
import type { DeviceKeysReader, KeyCounts } from '#store'
import type { News, NewsHandler } from '#streams'

export interface KeyCountsNowParts {
  readonly reader: Pick<DeviceKeysReader, 'counts'>
  readonly limitBytes: number
}

interface Held {
  readonly counts: KeyCounts
  /** The count of news when the reading began. */
  readonly readAtNews: number
}

const HELD_BYTES = 80
/** The most users whose news is remembered one by one; beyond that all counts are read again. */
const REMEMBERED_USERS = 50_000

/** The numbers of keys of each device, kept until news of the stream `toDevice` names its user. Every `/sync` tells them. */
export class KeyCountsNow implements NewsHandler {
  readonly #reader: Pick<DeviceKeysReader, 'counts'>
  readonly #held: BoundedCache<number, Held>
  readonly #newsOf = new Map<number, number>()
  #newsCount = 0
  #allOutdatedAt = 0

  constructor({ reader, limitBytes }: KeyCountsNowParts) {
    this.#reader = reader
    this.#held = new BoundedCache({
      name: 'key-counts',
      limitBytes,
      sizeBytes: ({ counts }) => HELD_BYTES + jsonBytes(counts),
    })
  }

  stats(): CacheStats {
    return this.#held.stats()
  }

  missed(): void {
    this.#allOutdatedAt = ++this.#newsCount
    this.#newsOf.clear()
    this.#held.clear()
  }

  news(news: readonly News[]): void {
    for (const { stream, users } of news) {
      if (stream !== 'toDevice') continue
      this.#newsCount++
      for (const user of users) this.#newsOf.set(user, this.#newsCount)
    }
    if (this.#newsOf.size > REMEMBERED_USERS) this.missed()
  }

  of({ user, device }: { readonly user: number; readonly device: number }): Soon<KeyCounts> {
    const held = this.#held.get(device)
    const outdatedAt = Math.max(this.#newsOf.get(user) ?? 0, this.#allOutdatedAt)
    return held !== undefined && held.readAtNews >= outdatedAt ? held.counts : this.#read(device)
  }

  async #read(device: number): Promise<KeyCounts> {
    const readAtNews = this.#newsCount
    const counts = await this.#reader.counts(device)
    this.#held.set(device, { counts, readAtNews })
    return counts
  }
}
