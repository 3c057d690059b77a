import { BoundedCache, type CacheStats, type Clock, textBytes } from '#base'
import type { TimelinePart } from '../../known/timeline-in-window.ts'

/** Messages of a room as text, for readers who are told the same. */
export interface SharedMessages {
  readonly text: string
  readonly timeline: TimelinePart
}

interface Kept extends SharedMessages {
  readonly madeMs: number
}

/** Texts tell the age of events, so they are kept for as long as one message takes to wake its readers. */
const FRESH_MS = 100
const KEPT_BYTES = 600

/** When a message wakes the members of a room, nearly all are told the same. */
export class SharedMessageTexts {
  readonly #clock: Clock
  readonly #kept: BoundedCache<string, Kept>

  constructor({ clock, limitBytes }: { readonly clock: Clock; readonly limitBytes: number }) {
    this.#clock = clock
    this.#kept = new BoundedCache({
      name: 'sliding-messages',
      limitBytes,
      sizeBytes: ({ text, timeline }) => KEPT_BYTES + textBytes(text) + 8 * timeline.events.length,
    })
  }

  stats(): CacheStats {
    return this.#kept.stats()
  }

  of(key: string): SharedMessages | undefined {
    const kept = this.#kept.get(key)
    return kept === undefined || kept.madeMs < this.#clock.monotonicMs() - FRESH_MS ? undefined : kept
  }

  keep(key: string, shared: SharedMessages): void {
    this.#kept.set(key, { ...shared, madeMs: this.#clock.monotonicMs() })
  }
}
