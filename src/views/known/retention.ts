import { type CacheStats, type Clock, LatestValues } from '#base'
import { messageLifetimeMs, type RetentionSettings } from '#rules'
import type { Pdu } from '#spec'
import type { RoomNumber, RoomStateReader, StoredEvent } from '#store'
import type { News, NewsHandler } from '#streams'

export interface MessageLifetimesParts {
  readonly reader: Pick<RoomStateReader, 'stateEvent'>
  readonly clock: Clock
  readonly limitBytes: number
  /** undefined: all messages are kept. */
  readonly settings: RetentionSettings | undefined
}

const ENTRY_BYTES = 100

/** Whether a message is older than its room keeps messages. */
export type Expiry = (event: Pick<StoredEvent, 'type' | 'stateKey' | 'originServerTs'>) => boolean

/** Servers join branches of a room's history by such events; people have nothing of them. */
const BRANCHES_JOINED = 'org.matrix.dummy_event'

const NEVER: Expiry = ({ type }) => type === BRANCHES_JOINED

/** How long rooms keep messages (MSC1763). What is older is not shown, whether it was removed already or not. */
export class MessageLifetimes implements NewsHandler {
  readonly #parts: MessageLifetimesParts
  /** Infinity: for ever. */
  readonly #lifetimes: LatestValues<RoomNumber, number>

  constructor(parts: MessageLifetimesParts) {
    this.#parts = parts
    const { limitBytes } = parts
    this.#lifetimes = new LatestValues({ name: 'message-lifetimes', limitBytes, sizeBytes: () => ENTRY_BYTES })
  }

  stats(): CacheStats {
    return this.#lifetimes.stats()
  }

  missed(): void {
    this.#lifetimes.clear()
  }

  news(news: readonly News[]): void {
    for (const { stream, rooms } of news)
      if (stream === 'events') for (const room of rooms) this.#lifetimes.forget(room)
  }

  /** As of now: for one answer. */
  async expiryIn(room: RoomNumber): Promise<Expiry> {
    const { settings, reader, clock } = this.#parts
    if (settings === undefined) return NEVER
    const lifetimeMs = await this.#lifetimes.get(room, async () => {
      const policy = await reader.stateEvent(room, 'current', 'm.room.retention', '')
      const content = policy === undefined ? {} : (JSON.parse(policy.json) as Pdu).content
      return messageLifetimeMs(content, settings) ?? Number.POSITIVE_INFINITY
    })
    const beforeMs = clock.nowMs() - lifetimeMs
    return ({ type, stateKey, originServerTs }) =>
      type === BRANCHES_JOINED || (stateKey === undefined && originServerTs < beforeMs)
  }
}
