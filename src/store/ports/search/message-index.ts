import type { EventId, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { EventNumber, RoomNumber, UserNumber } from '../rooms/events.ts'

/** The members of events that can be searched (client-server API, "Server Side Search"). */
export const SEARCHED_KEYS = ['content.body', 'content.name', 'content.topic'] as const
export type SearchedKey = (typeof SEARCHED_KEYS)[number]

/** All conditions hold together; a list names alternatives. */
export interface MessageQuestion {
  /** Folded words, all of which a text must have: see `questionWords`. At least one. */
  readonly words: readonly string[]
  readonly keys: readonly SearchedKey[]
  /** undefined: any. At most `MAX_NARROWED`. */
  readonly rooms?: readonly RoomNumber[] | undefined
  readonly senders?: readonly UserNumber[] | undefined
  /** Numbers of events, both exclusive. */
  readonly after: EventNumber
  readonly before: EventNumber
  readonly limit: number
}

/** Rooms or senders that one question names, so that its cost is bounded. */
export const MAX_NARROWED = 500

/** An event whose text fits; for an edited message, the original. */
export interface FoundMessage {
  readonly event: EventNumber
  readonly eventId: EventId
  readonly room: RoomNumber
  readonly type: string
  readonly sender: UserId
}

/** The beginning of an indexed text. */
export interface IndexedText {
  /** Separated by blanks. */
  readonly words: string
  /** UTF-16 units of the whole, which may be longer. */
  readonly length: number
}

export interface MessageIndexReader {
  /** The newest events that fit, newest first. Runs off the event loop; its cost follows what it returns, however common the words are. */
  found(question: MessageQuestion): Promise<readonly FoundMessage[]>
  /** Indexed texts of these events. */
  texts(events: readonly EventNumber[]): Promise<ReadonlyMap<EventNumber, IndexedText>>
  /** The rooms, among those given, that are end-to-end encrypted now. */
  encryptedAmong(rooms: readonly RoomNumber[]): Promise<readonly RoomNumber[]>
  /** The numbers of users; those without one are left out. */
  numbersOf(users: readonly UserId[]): Promise<readonly UserNumber[]>
}

/**
 * The index of what people wrote, which follows behind the events: two numbers in the database say how far it is. What is redacted is removed by the
 * redaction itself (`rooms.apply`), and what is purged with its room.
 */
export interface MessageIndexWriter {
  /** Indexes the next events, up to a bounded number. `upTo`: events up to that position are indexed. */
  next(): Change<{ readonly upTo: number; readonly more: boolean }>
  /** Indexes a piece of the events that were stored before there was an index, newest first. */
  earlier(): Change<{ readonly more: boolean }>
}
