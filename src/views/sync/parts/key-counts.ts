import type { Soon } from '#base'
import type { KeyCounts } from '#store'
import type { KeyCountsNow } from '../../device-lists/key-counts.ts'
import { keyCountsText, NO_KEYS_TEXT } from '../../device-lists/texts.ts'
import type { EventsViewer } from '../../events/event-texts.ts'
import type { PartAnswer, SyncPart, SyncRequest, SyncWindow } from '../request.ts'

export interface KeyCountsPartParts {
  readonly counts: Pick<KeyCountsNow, 'of'>
}

/**
 * Counts of one-time keys, and unused fallback keys, in every answer: an algorithm that is not listed counts as zero, and the list of fallback
 * keys tells that there can be some. Module "End-to-End Encryption", "Extensions to /sync".
 */
export class KeyCountsPart implements SyncPart {
  readonly empty = NO_KEYS_TEXT
  readonly #counts: Pick<KeyCountsNow, 'of'>

  constructor({ counts }: KeyCountsPartParts) {
    this.#counts = counts
  }

  unchanged({ syncer }: SyncRequest): Soon<string> {
    const counts = this.#of(syncer)
    return counts instanceof Promise ? counts.then((read) => this.#text(read)) : this.#text(counts)
  }

  look({ viewer, since }: SyncWindow): Soon<PartAnswer> {
    const answer = (counts: KeyCounts | undefined): PartAnswer => {
      const isNews = counts !== undefined && since !== undefined && counts.position > since.toDevice
      return { text: this.#text(counts), isNews }
    }
    const counts = this.#of(viewer)
    return counts instanceof Promise ? counts.then(answer) : answer(counts)
  }

  #text(counts: KeyCounts | undefined): string {
    return counts === undefined ? this.empty : keyCountsText(counts)
  }

  #of({ user, device }: EventsViewer): Soon<KeyCounts | undefined> {
    return device === undefined ? undefined : this.#counts.of({ user, device })
  }
}
