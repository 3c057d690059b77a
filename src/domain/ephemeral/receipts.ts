import type { Clock } from '#base'
import {
  type EventId,
  isJsonObject,
  type JsonObject,
  MatrixError,
  objectAt,
  parseEventId,
  type RoomId,
  stringAt,
  type UserId,
} from '#spec'
import {
  type AccountDataReader,
  type AccountDataWriter,
  type Change,
  type Commit,
  isInHistory,
  isRelatedTo,
  MAIN_TIMELINE,
  type QueuedChanges,
  type ReceiptsWriter,
  type ReceiptType,
  type RoomNumber,
  type RoomsReader,
  type StoredEvent,
  threadOf,
  type UserNumber,
} from '#store'
import { joinedRoom } from './joined-room.ts'

const FULLY_READ = 'm.fully_read'
/** A public receipt goes to everybody in the room. */
const MAX_CONTENT_LENGTH = 1_000

export interface ReceiptsParts {
  readonly clock: Clock
  readonly rooms: Pick<RoomsReader, 'roomByRoomId' | 'membership' | 'event'>
  readonly receipts: ReceiptsWriter
  readonly accountData: AccountDataWriter
  readonly readMarkers: Pick<AccountDataReader, 'inRoom'>
  /** By user, shared by all that writes account data. */
  readonly markerChanges: QueuedChanges<UserNumber>
  readonly commit: Commit
}

/** The markers that one request moves; absent ones do not move. */
export interface ReadUpTo {
  readonly fullyRead?: string | undefined
  readonly read?: string | undefined
  readonly readPrivate?: string | undefined
  /** Whether `fullyRead` may move backwards (MSC4446). */
  readonly allowBackward?: boolean | undefined
  /** `main` or a thread's root, for receipts only; undefined: unthreaded. */
  readonly threadId?: string | undefined
  /** Further members of the public receipt for others, beside its time. */
  readonly content?: JsonObject | undefined
}

interface Reader {
  readonly user: UserNumber
  readonly userId: UserId
}

/** Receipts and fully-read markers (modules "Receipts", "Read and unread markers"): they only ever move forward. */
export class Receipts {
  readonly #parts: ReceiptsParts

  constructor(parts: ReceiptsParts) {
    this.#parts = parts
  }

  /**
   * Moves all markers or none. Throws `M_FORBIDDEN` if the user is not joined, `M_INVALID_PARAM` for a text that is no thread or a thread without
   * the event, `M_NOT_FOUND` if the event is not in the room, `M_TOO_LARGE`.
   */
  async move(roomId: RoomId, { user, userId }: Reader, upTo: ReadUpTo): Promise<void> {
    const room = await joinedRoom(this.#parts.rooms, roomId, userId)
    const { threadId } = upTo
    if (threadId !== undefined && threadId !== MAIN_TIMELINE && parseEventId(threadId) === undefined) {
      throw new MatrixError('M_INVALID_PARAM', 'thread_id must be main or the id of an event')
    }
    if (threadId !== undefined && upTo.fullyRead !== undefined) {
      throw new MatrixError('M_INVALID_PARAM', 'm.fully_read knows no threads')
    }
    const contentJson = contentTextOf(upTo.content)
    const changes: Change<unknown>[] = []
    const receipts: readonly [ReceiptType, string | undefined][] = [
      ['m.read', upTo.read],
      ['m.read.private', upTo.readPrivate],
    ]
    for (const [type, eventId] of receipts) {
      if (eventId === undefined) continue
      const event = await this.#eventIn(room, eventId)
      if (threadId !== undefined) await this.#mindThread(event, threadId)
      const at = { eventId: event.eventId, eventPosition: event.position, atMs: this.#parts.clock.nowMs() }
      const said = type === 'm.read' ? { contentJson } : {}
      changes.push(this.#parts.receipts.move({ room, userId, type, threadId, ...at, ...said }))
    }
    const { fullyRead, allowBackward = false } = upTo
    if (fullyRead === undefined) return this.#commit(changes)
    await this.#parts.markerChanges.run(user, async () =>
      this.#commit([...changes, ...(await this.#moveMarker({ room, user, allowBackward }, fullyRead))]),
    )
  }

  async #commit(changes: readonly Change<unknown>[]): Promise<void> {
    if (changes.length > 0) await this.#parts.commit(changes)
  }

  async #moveMarker(
    { room, user, allowBackward }: { room: RoomNumber; user: UserNumber; allowBackward: boolean },
    eventId: string,
  ): Promise<readonly Change<unknown>[]> {
    const event = await this.#eventIn(room, eventId)
    const before = await this.#parts.readMarkers.inRoom(user, room, FULLY_READ)
    const beforeId = before === undefined ? undefined : markedEvent(before.contentJson)
    const marked = beforeId === undefined ? undefined : await this.#parts.rooms.event(beforeId)
    const isKept = allowBackward
      ? beforeId === event.eventId
      : marked !== undefined && marked.position >= event.position
    if (isKept) return []
    const contentJson = JSON.stringify({ event_id: event.eventId })
    const entry = { user, room, type: FULLY_READ, contentJson }
    return [this.#parts.accountData.replace(entry, before?.position ?? 0)]
  }

  async #eventIn(room: RoomNumber, text: string): Promise<StoredEvent> {
    const eventId = parseEventId(text)
    if (eventId === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not an event id')
    const event = await this.#parts.rooms.event(eventId)
    if (event?.room !== room || !isInHistory(event)) throw new MatrixError('M_NOT_FOUND', 'No such event in this room')
    return event
  }

  async #mindThread(event: StoredEvent, threadId: string): Promise<void> {
    const content = objectAt(parsed(event.json), 'content') ?? NOTHING
    const found = await threadOf({ room: event.room, content }, this.#parts.rooms)
    if (isRelatedTo(threadId, event.eventId, found)) return
    throw new MatrixError('M_INVALID_PARAM', 'The event is not related to that thread')
  }
}

/** Throws `M_TOO_LARGE`. */
const contentTextOf = (content: JsonObject | undefined): string | undefined => {
  if (content === undefined || Object.keys(content).length === 0) return undefined
  const text = JSON.stringify(content)
  if (text.length > MAX_CONTENT_LENGTH) throw new MatrixError('M_TOO_LARGE', 'A receipt says a few words at most')
  return text
}

const NOTHING: JsonObject = {}

const parsed = (json: string): JsonObject => {
  const value: unknown = JSON.parse(json)
  return isJsonObject(value) ? value : NOTHING
}

const markedEvent = (contentJson: string): EventId | undefined =>
  parseEventId(stringAt(parsed(contentJson), 'event_id') ?? '')
