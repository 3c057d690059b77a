import { BoundedCache, type CacheStats, type Clock, textBytes } from '#base'
import type { StoredEvent } from '#store'
import type { MembershipInWindow } from './membership-in-window.ts'
import type { RoomFacts } from './room-facts.ts'
import type { TimelinePart } from './timeline-in-window.ts'
import type { Window } from './window.ts'

/** The new events of a room, for one reader who has everything up to `from`. */
export interface NewEvents {
  readonly window: Pick<Window, 'viewer' | 'ignored'>
  readonly member: MembershipInWindow
  readonly facts: RoomFacts
  readonly events: readonly StoredEvent[]
  readonly from: number
}

/**
 * Whether all who were in the room throughout and ignore nobody read the same here: messages of others, and no change of the state. Their text may then be made once for
 * all. Whether a reader has to be told of the senders as well is for the caller to ask.
 */
export const isAlikeForAll = ({ window: { viewer, ignored }, member, facts, events, from }: NewEvents): boolean =>
  ignored.size === 0 &&
  member.throughout &&
  member.membership === 'join' &&
  facts.record.lastResolvedPosition <= from &&
  // An event tells its sender's device of the transaction.
  !events.some(({ stateKey, sender }) => stateKey !== undefined || sender === viewer.userId)

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

/** When a message wakes the members of a room, nearly all are told the same. The keys name all that a text depends on. */
export class SharedMessageTexts {
  readonly #clock: Clock
  readonly #kept: BoundedCache<string, Kept>

  constructor({ clock, limitBytes }: { readonly clock: Clock; readonly limitBytes: number }) {
    this.#clock = clock
    this.#kept = new BoundedCache({
      name: 'shared-messages',
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

  keep(key: string, { text, timeline }: SharedMessages): void {
    const counted = { ...timeline, read: undefined }
    this.#kept.set(key, { text, timeline: counted, madeMs: this.#clock.monotonicMs() })
  }
}
