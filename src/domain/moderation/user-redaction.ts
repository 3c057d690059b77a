import { type EventId, type JsonObject, MatrixError, type RoomId, type UserId } from '#spec'
import type { EventsReader, RoomRecordsReader, StoredEvent, Turns } from '#store'

/** Redacts in rooms; implemented by `rooms`. */
export interface Redactor {
  /** Throws `M_FORBIDDEN` where the sender may not redact what that user sent, or is not in the room. */
  mayRedactOf(roomId: RoomId, sender: UserId, user: UserId): Promise<void>
  redact(roomId: RoomId, sender: UserId, target: EventId, content: JsonObject): Promise<EventId>
}

export interface UserRedactionParts {
  readonly reader: Pick<EventsReader, 'unredactedOf'> & Pick<RoomRecordsReader, 'roomByRoomId'>
  readonly redactor: Redactor
  /** One request at a time for each room, so that no event is redacted twice. */
  readonly turns: Turns
}

export interface UserRedactionRequest {
  readonly roomId: RoomId
  readonly sender: UserId
  readonly user: UserId
  readonly limit: number
  /** `{reason}`, or nothing. */
  readonly content: JsonObject
}

export interface UserRedactionOutcome {
  readonly redacted: number
  readonly isMore: boolean
}

/** More are redacted by asking again. */
const MOST_AT_ONCE = 100
/** Redactions that are under way together, and share commits. */
const TOGETHER = 10

/** Redacts all that a user sent to a room, newest first (MSC4194): messages and memberships; other state speaks for the room. */
export class UserRedaction {
  readonly #parts: UserRedactionParts

  constructor(parts: UserRedactionParts) {
    this.#parts = parts
  }

  /** Throws `M_FORBIDDEN`. */
  async run({ roomId, sender, user, limit, content }: UserRedactionRequest): Promise<UserRedactionOutcome> {
    const { reader, redactor, turns } = this.#parts
    await redactor.mayRedactOf(roomId, sender, user)
    const most = Math.min(limit, MOST_AT_ONCE)
    return turns.run(roomId, async () => {
      const room = (await reader.roomByRoomId(roomId))?.room
      if (room === undefined) throw new MatrixError('M_NOT_FOUND', 'No such room')
      const found = await reader.unredactedOf(room, user, most + 1)
      const targets: readonly StoredEvent[] = found.slice(0, most)
      for (let start = 0; start < targets.length; start += TOGETHER) {
        const next = targets.slice(start, start + TOGETHER)
        await Promise.all(next.map(({ eventId }) => redactor.redact(roomId, sender, eventId, content)))
      }
      return { redacted: targets.length, isMore: found.length > most }
    })
  }
}
