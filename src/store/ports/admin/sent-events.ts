import type { EventId, UserId } from '#spec'
import type { RoomNumber } from '../rooms/events.ts'

export interface SentEvent {
  readonly eventId: EventId
  readonly position: number
  readonly originServerTs: number
}

export interface SentPage {
  readonly room: RoomNumber
  readonly sender: UserId
  /** Events before this position of the stream. */
  readonly before: number
  readonly limit: number
}

/** Counts of what single users did, for administrators. Everything here runs off the event loop. */
export interface SentEventsReader {
  /**
   * Messages and memberships in a room's timeline that the user sent and that are not redacted, newest first. Looks at a bounded stretch of the room:
   * `next` is the `before` of the one behind it, undefined at the room's beginning.
   */
  sentBy(page: SentPage): Promise<{ readonly events: readonly SentEvent[]; readonly next: number | undefined }>
  /** Invites that the user sent at that time or later, in the rooms that they were ever in. */
  countInvites(userId: UserId, sinceMs: number): Promise<number>
  /** Rooms that the user joined at that time or later, whether or not they are still in them. */
  countJoinedRooms(userId: UserId, sinceMs: number): Promise<number>
}
