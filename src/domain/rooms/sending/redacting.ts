import { type EventId, type JsonObject, MatrixError, type RoomId, type UserId } from '#spec'
import type { HistoryPlace, RelationsReader, RoomsReader, StoredEvent } from '#store'
import type { Sending, Transaction } from './sending.ts'

export interface RedactingParts {
  readonly sending: Pick<Sending, 'redact'>
  readonly relations: Pick<RelationsReader, 'relations'>
  readonly rooms: Pick<RoomsReader, 'roomByRoomId'>
}

export interface Redaction {
  readonly roomId: RoomId
  readonly target: EventId
  readonly content: JsonObject
  readonly transaction: Transaction | undefined
  /** Types of relations by which events are redacted too; `*` stands for all. */
  readonly relTypes: readonly string[]
  /** Of these, only those that the sender sent. */
  readonly ownAlone: boolean
}

const AT_ONCE = 50
/** More than anybody's replacements of one event; whoever wants more gone redacts what is left in the same way. */
const MOST = 1_000

/** Redacts an event, and what relates to it (MSC3912). */
export class Redacting {
  readonly #parts: RedactingParts

  constructor(parts: RedactingParts) {
    this.#parts = parts
  }

  /**
   * Events that the sender may not redact stay. A repeated transaction goes on with what a crash left. Throws as `Sending.redact` does, about the target
   * alone.
   */
  async redact(
    sender: UserId,
    { roomId, target, content, transaction, relTypes, ownAlone }: Redaction,
  ): Promise<EventId> {
    const eventId = await this.#parts.sending.redact(roomId, sender, target, content, transaction)
    if (relTypes.length === 0) return eventId
    const record = await this.#parts.rooms.roomByRoomId(roomId)
    if (record === undefined) return eventId
    for await (const related of this.#related(record.room, target, new Set(relTypes))) {
      if (ownAlone && related.sender !== sender) continue
      try {
        await this.#parts.sending.redact(roomId, sender, related.eventId, content)
      } catch (error) {
        if (!(error instanceof MatrixError) || error.errcode !== 'M_FORBIDDEN') throw error
      }
    }
    return eventId
  }

  async *#related(room: number, target: EventId, relTypes: ReadonlySet<string>): AsyncGenerator<StoredEvent> {
    for (const relType of relTypes.has('*') ? [undefined] : relTypes) {
      let after: HistoryPlace | undefined
      for (let looked = 0; looked < MOST; looked += AT_ONCE) {
        const query = { room, target, relType, after, direction: 'forward', limit: AT_ONCE } as const
        const page: readonly StoredEvent[] = await this.#parts.relations.relations(query)
        yield* page
        const last = page.at(-1)
        if (last === undefined || page.length < AT_ONCE) break
        after = { depth: last.depth, event: last.event }
      }
    }
  }
}
