import { BoundedCache, type CacheStats, type Clock, textBytes } from '#base'
import type { CompiledFilter } from '#rules'
import type { RoomNumber } from '#store'
import type { StateSection, SyncWindow } from '../request.ts'

/** The beginning of a joined room's text: its timeline, and no state. */
export interface SharedTimeline {
  readonly text: string
  /** The filter shows nothing of it. */
  readonly isEmpty: boolean
}

interface Kept extends SharedTimeline {
  readonly filter: CompiledFilter
  readonly section: StateSection
  readonly since: number | undefined
  readonly upTo: number
  readonly madeMs: number
}

export interface SharedTimelinesParts {
  readonly clock: Clock
  readonly limitBytes: number
}

/** Texts tell the age of events, so they are kept for as long as one message takes to wake its readers. */
const FRESH_MS = 100
/** Kinds of clients that wake together. */
const FILTERS = 4
const KEPT_BYTES = 200

/** Timelines as text: when a message wakes the members of a room, nearly all are told the same. */
export class SharedTimelines {
  readonly #clock: Clock
  readonly #kept: BoundedCache<RoomNumber, readonly Kept[]>

  constructor({ clock, limitBytes }: SharedTimelinesParts) {
    this.#clock = clock
    this.#kept = new BoundedCache({
      name: 'shared-timelines',
      limitBytes,
      sizeBytes: (kept) => kept.reduce((bytes, { text }) => bytes + KEPT_BYTES + textBytes(text), KEPT_BYTES),
    })
  }

  stats(): CacheStats {
    return this.#kept.stats()
  }

  of({ since, now, filter, stateSection }: SyncWindow, room: RoomNumber): SharedTimeline | undefined {
    const oldestMs = this.#clock.monotonicMs() - FRESH_MS
    for (const kept of this.#kept.get(room) ?? []) {
      const isSame = kept.since === since?.events && kept.upTo === now.events && kept.filter === filter
      if (isSame && kept.section === stateSection && kept.madeMs >= oldestMs) return kept
    }
    return undefined
  }

  keep({ since, now, filter, stateSection }: SyncWindow, room: RoomNumber, timeline: SharedTimeline): void {
    const others = (this.#kept.get(room) ?? []).filter((kept) => kept.filter !== filter).slice(0, FILTERS - 1)
    const madeMs = this.#clock.monotonicMs()
    const made = { ...timeline, filter, section: stateSection, since: since?.events, upTo: now.events, madeMs }
    this.#kept.set(room, [made, ...others])
  }
}
