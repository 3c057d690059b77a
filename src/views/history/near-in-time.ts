import { type EventId, MatrixError, type RoomId } from '#spec'
import type { EventsReader, PlaceInTime, StoredEvent } from '#store'
import type { RoomViewer } from '../events/viewer.ts'
import type { RoomVisibility } from '../known/room-visibility.ts'
import type { RoomAccess, Visibility } from '../known/visibility.ts'

export interface NearInTimeRequest {
  readonly roomId: RoomId
  /** Milliseconds since 1970. An event of that very time is found in both directions. */
  readonly ts: number
  readonly direction: 'forward' | 'backward'
}

export type NearestEvent = { readonly event_id: EventId; readonly origin_server_ts: number }

/** Events that are looked at before those that the user may not see are leapt over; nearly always the first is the answer. */
const PAGES = [1, 10, 50, 50] as const

export interface NearInTimeParts {
  readonly reader: Pick<EventsReader, 'nearInTime' | 'memberNearInTime'>
  readonly visibility: Visibility
}

/**
 * The event nearest to a time, of those that the user may see (`GET /rooms/{roomId}/timestamp_to_event`). Times are what the servers of the
 * senders say.
 */
export class NearInTime {
  readonly #reader: NearInTimeParts['reader']
  readonly #visibility: Visibility

  constructor({ reader, visibility }: NearInTimeParts) {
    this.#reader = reader
    this.#visibility = visibility
  }

  /** Throws `M_FORBIDDEN` for a room of which the user may read nothing, `M_NOT_FOUND` where no event is known. */
  async nearest({ roomId, ts, direction }: NearInTimeRequest, viewer: RoomViewer): Promise<NearestEvent> {
    const access = await this.#visibility.access(roomId, viewer.userId)
    const visibility = await this.#visibility.inRoom(access.record.room, viewer)
    const search = { access, visibility, direction }
    const from = beside(ts, direction)
    // A long stretch that the user may not see ends, if anywhere, at a change of their own membership, which they may see.
    const found = (await this.#search(from, search)) ?? (await this.#beyondOwn(from, search, viewer))
    if (found === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such event that you may read')
    return { event_id: found.eventId, origin_server_ts: found.originServerTs }
  }

  async #beyondOwn(beyond: PlaceInTime, search: Search, { userId }: RoomViewer): Promise<StoredEvent | undefined> {
    const { access, direction } = search
    const own = await this.#reader.memberNearInTime(access.record.room, userId, { beyond, direction })
    return own && this.#search(beside(own.originServerTs, direction), search)
  }

  async #search(from: PlaceInTime, { access, visibility, direction }: Search): Promise<StoredEvent | undefined> {
    const { record, upTo = Number.POSITIVE_INFINITY } = access
    let beyond = from
    for (const limit of PAGES) {
      const events = await this.#reader.nearInTime(record.room, { beyond, direction, limit })
      await visibility.learn(events)
      const found = events.find((event) => event.position <= upTo && visibility.mayShow(event))
      const last = events.at(-1)
      if (found !== undefined || last === undefined || events.length < limit) return found
      beyond = last
    }
    return undefined
  }
}

interface Search {
  readonly access: RoomAccess
  readonly visibility: RoomVisibility
  readonly direction: 'forward' | 'backward'
}

/** The place from which all events of that time lie in the direction. */
const beside = (originServerTs: number, direction: 'forward' | 'backward'): PlaceInTime => ({
  originServerTs,
  event: direction === 'forward' ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER,
})
