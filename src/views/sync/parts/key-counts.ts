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

  async unchanged({ syncer }: SyncRequest): Promise<string> {
    const counts = await this.#of(syncer)
    return counts === undefined ? this.empty : keyCountsText(counts)
  }

  async look({ viewer, since }: SyncWindow): Promise<PartAnswer> {
    const counts = await this.#of(viewer)
    if (counts === undefined) return { text: this.empty, isNews: false }
    return { text: keyCountsText(counts), isNews: since !== undefined && counts.position > since.toDevice }
  }

  async #of({ user, device }: EventsViewer): Promise<KeyCounts | undefined> {
    return device === undefined ? undefined : this.#counts.of({ user, device })
  }
}
