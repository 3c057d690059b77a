import { BoundedCache, type CacheStats, type Clock } from '#base'
import type { EventId, ServerName } from '#spec'

const WAIT_MS = 30_000
const LIMIT_BYTES = 4 * 1024 * 1024
const NUMBER_BYTES = 16

/**
 * Remembers what servers were asked for that others had referred to, and did not give. That holds nothing against them: they may get it later, and are asked
 * at once where they send what refers to it.
 */
export class OtherPulls {
  readonly #clock: Clock
  /** By server and event. */
  readonly #untilMs = new BoundedCache<string, number>({
    name: 'other-pulls',
    limitBytes: LIMIT_BYTES,
    sizeBytes: () => NUMBER_BYTES,
  })

  constructor(clock: Clock) {
    this.#clock = clock
  }

  due(server: ServerName, eventIds: readonly EventId[]): boolean {
    const nowMs = this.#clock.monotonicMs()
    return eventIds.every((eventId) => (this.#untilMs.get(`${server} ${eventId}`) ?? 0) <= nowMs)
  }

  failed(server: ServerName, eventIds: readonly EventId[]): void {
    const untilMs = this.#clock.monotonicMs() + WAIT_MS
    for (const eventId of eventIds) this.#untilMs.set(`${server} ${eventId}`, untilMs)
  }

  stats(): CacheStats {
    return this.#untilMs.stats()
  }
}
