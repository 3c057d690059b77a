import { type EventId, MatrixError, type RoomId } from '#spec'
import type { EventsReader, StoredEvent } from '#store'
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
const MAX_LEAPS = 4

export interface NearInTimeParts {
  readonly reader: Pick<EventsReader, 'timeline' | 'positionAtTime' | 'entrySetBeyond'>
  readonly visibility: Visibility
}

/**
 * The event nearest to a time, of those that the user may see (`GET /rooms/{roomId}/timestamp_to_event`). Times are what the servers of the
 * senders say, and near in time is near in the stream. Its work is bounded: behind several long stretches that the user may not see, nothing is found.
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
    const search = { access, visibility, direction, viewer }
    const { room } = access.record
    let from: number | undefined =
      direction === 'forward'
        ? await this.#reader.positionAtTime(room, ts)
        : (await this.#reader.positionAtTime(room, ts + 1)) + 1
    for (let leap = 0; leap <= MAX_LEAPS && from !== undefined; leap += 1) {
      const { found, hidden }: Searched = await this.#search(from, search)
      if (found !== undefined) return { event_id: found.eventId, origin_server_ts: found.originServerTs }
      from = hidden && (await this.#leap(hidden, search))
    }
    throw new MatrixError('M_NOT_FOUND', 'There is no such event that you may read')
  }

  /** A stretch that the user may not see ends where their membership or the history visibility changes. */
  async #leap({ position }: StoredEvent, { access, direction, viewer }: Search): Promise<number | undefined> {
    const { room } = access.record
    const query = { position, direction }
    const own = await this.#reader.entrySetBeyond(room, { type: 'm.room.member', stateKey: viewer.userId }, query)
    const setting = await this.#reader.entrySetBeyond(room, { type: 'm.room.history_visibility', stateKey: '' }, query)
    const changes = [own, setting].filter((change) => change !== undefined)
    if (changes.length === 0) return undefined
    return direction === 'forward' ? Math.min(...changes) - 1 : Math.max(...changes) + 1
  }

  async #search(from: number, { access, visibility, direction }: Search): Promise<Searched> {
    const { record, upTo = Number.POSITIVE_INFINITY } = access
    let beyond = from
    let hidden: StoredEvent | undefined
    for (const limit of PAGES) {
      const range = direction === 'forward' ? { after: beyond } : { before: beyond }
      const events = await this.#reader.timeline(record.room, { ...range, direction, limit })
      await visibility.learn(events)
      const found = events.find((event) => event.position <= upTo && visibility.mayShow(event))
      if (found !== undefined) return { found, hidden: undefined }
      hidden = events.at(-1)
      if (hidden === undefined || events.length < limit) return { found: undefined, hidden: undefined }
      beyond = hidden.position
    }
    return { found: undefined, hidden }
  }
}

interface Searched {
  readonly found: StoredEvent | undefined
  /** The last event looked at, where there are more behind it. */
  readonly hidden: StoredEvent | undefined
}

interface Search {
  readonly access: RoomAccess
  readonly visibility: RoomVisibility
  readonly direction: 'forward' | 'backward'
  readonly viewer: RoomViewer
}
