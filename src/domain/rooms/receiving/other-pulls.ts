import type { Clock } from '#base'
import type { EventId, ServerName } from '#spec'

const WAIT_MS = 30_000
const MAX_REMEMBERED = 20_000

/**
 * Remembers what servers were asked for that others had referred to, and did not give. That holds nothing against them: they may get it later, and are asked
 * at once where they send what refers to it.
 */
export class OtherPulls {
  readonly #clock: Clock
  /** By server and event, oldest first. */
  readonly #untilMs = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  due(server: ServerName, eventIds: readonly EventId[]): boolean {
    const nowMs = this.#clock.monotonicMs()
    return eventIds.every((eventId) => (this.#untilMs.get(`${server} ${eventId}`) ?? 0) <= nowMs)
  }

  failed(server: ServerName, eventIds: readonly EventId[]): void {
    const untilMs = this.#clock.monotonicMs() + WAIT_MS
    for (const eventId of eventIds) {
      const key = `${server} ${eventId}`
      this.#untilMs.delete(key)
      this.#untilMs.set(key, untilMs)
    }
    for (const oldest of this.#untilMs.keys()) {
      if (this.#untilMs.size <= MAX_REMEMBERED) break
      this.#untilMs.delete(oldest)
    }
  }
}
