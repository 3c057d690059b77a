import { type PushCandidate, toPushCandidate } from '#rules'
import type { StoredEvent } from '#store'
import type { ClientEvents } from '../events/client-event.ts'

/** Texts made ready for matching take several times the bytes of a larger event, which nobody counts. */
const MAX_KEPT_LENGTH = 2_000

/** Events made ready for being judged: once for all whom they wake, as long as the event as it was read is kept. */
export class PushCandidates {
  readonly #clientEvents: ClientEvents
  readonly #kept = new WeakMap<StoredEvent, PushCandidate>()

  constructor(clientEvents: ClientEvents) {
    this.#clientEvents = clientEvents
  }

  /** `once`: the event was read to be counted, and displaces nothing that many readers ask for. */
  of(stored: StoredEvent, keep: 'kept' | 'once' = 'kept'): PushCandidate {
    const known = this.#kept.get(stored)
    if (known !== undefined) return known
    if (keep === 'once') return toPushCandidate(this.#clientEvents.roomEvent(stored, 'once'))
    const candidate = toPushCandidate(this.#clientEvents.roomEvent(stored))
    if (stored.json.length <= MAX_KEPT_LENGTH) this.#kept.set(stored, candidate)
    return candidate
  }
}
