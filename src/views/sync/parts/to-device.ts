import type { Soon } from '#base'
import { MOST_MESSAGES, type WaitingMessagesParts, waitingTexts } from '../../events/waiting-messages.ts'
import type { PartAnswer, SyncPart, SyncWindow } from '../request.ts'

const textOf = (events: readonly string[]): string => `"to_device":{"events":[${events.join()}]}`
const NOTHING: PartAnswer = { text: textOf([]), isNews: false }

/** `to_device`: messages to the device that have not been acknowledged. Those that do not fit come with the next answer, at once. */
export class ToDevicePart implements SyncPart {
  readonly empty = NOTHING.text
  readonly #parts: WaitingMessagesParts

  constructor(parts: WaitingMessagesParts) {
    this.#parts = parts
  }

  look(window: SyncWindow): Soon<PartAnswer> {
    const { viewer, since, now } = window
    return viewer.device === undefined || (since?.toDevice ?? 0) >= now.toDevice ? NOTHING : this.#waiting(window)
  }

  async #waiting({ viewer, since, now, ignored }: SyncWindow): Promise<PartAnswer> {
    const window = { after: since?.toDevice ?? 0, upTo: now.toDevice, limit: MOST_MESSAGES, ignored }
    const { texts, reached, more } = await waitingTexts(this.#parts, { owner: viewer, ...window })
    return {
      text: textOf(texts),
      isNews: more || texts.length > 0,
      ...(more ? { reached: { toDevice: reached } } : {}),
    }
  }
}
