import { MatrixError, type RoomId, type ServerName } from '#spec'
import type { EventsReader, StoredEvent } from '#store'
import type { NearestEvent } from '../history/near-in-time.ts'
import type { ServerVisibility } from '../known/server-visibility.ts'
import type { ServedRooms } from './served-rooms.ts'

export interface ServedMomentParts {
  readonly rooms: ServedRooms
  readonly reader: Pick<EventsReader, 'timeline' | 'positionAtTime'>
  readonly visibility: Pick<ServerVisibility, 'mayServerSee'>
}

/** Nearly always the first event is the answer. */
const PAGES = [1, 20, 100] as const

/** The event nearest to a time, of those that the asking server may see (`GET /timestamp_to_event`). */
export class ServedMoment {
  readonly #parts: ServedMomentParts

  constructor(parts: ServedMomentParts) {
    this.#parts = parts
  }

  /** Throws `M_FORBIDDEN`, and `M_NOT_FOUND` where none is known. */
  async nearest(
    { roomId, ts, direction }: { roomId: RoomId; ts: number; direction: 'forward' | 'backward' },
    server: ServerName,
  ): Promise<NearestEvent> {
    const { rooms, reader, visibility } = this.#parts
    const { record } = await rooms.room(roomId, server)
    const isForward = direction === 'forward'
    let beyond = isForward
      ? await reader.positionAtTime(record.room, ts)
      : (await reader.positionAtTime(record.room, ts + 1)) + 1
    for (const limit of PAGES) {
      const range = isForward ? { after: beyond } : { before: beyond }
      const events: readonly StoredEvent[] = await reader.timeline(record.room, { ...range, direction, limit })
      const seen = await visibility.mayServerSee(server, events)
      const found = events.find(({ event }) => seen.has(event))
      if (found !== undefined) return { event_id: found.eventId, origin_server_ts: found.originServerTs }
      const last = events.at(-1)
      if (last === undefined || events.length < limit) break
      beyond = last.position
    }
    throw new MatrixError('M_NOT_FOUND', 'There is no such event that your server may see')
  }
}
