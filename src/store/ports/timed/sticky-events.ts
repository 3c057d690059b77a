import type { EventId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { RoomNumber } from '../rooms/events.ts'

/** "Valid values are the integer range 0-3600000 (1 hour)" (MSC4354). */
export const MAX_STICKY_MS = 3_600_000

export interface StickyEventsReader {
  /** The room's events that are sticky at that time, with `after` < position <= `upTo` in the stream `stickyEvents`, in its order. */
  stickyEvents(
    room: RoomNumber,
    window: { readonly after: number; readonly upTo: number; readonly nowMs: number; readonly limit: number },
  ): Promise<readonly { readonly position: number; readonly eventId: EventId }[]>
}

export interface StickyEventsWriter {
  /** Forgets some that are not sticky any more. Returns how many. */
  forget(beforeMs: number, limit: number): Change<number>
}
