import { type Clock, yieldToEventLoop } from '#base'
import { toRoomEvent } from '#rules'
import { type EventId, MatrixError, type Pdu, type RoomId, type ServerName } from '#spec'
import type { EventsReader, StoredEvent } from '#store'
import type { ServedRoom, ServedRooms } from './served-rooms.ts'

/** `GET /backfill`. */
export interface BackfillRequest {
  readonly roomId: RoomId
  readonly from: readonly EventId[]
  readonly limit: number
}

/** `POST /get_missing_events`. */
export interface MissingEventsRequest {
  readonly roomId: RoomId
  /** The latest events that the asker has: the walk ends there. */
  readonly earliest: readonly EventId[]
  /** The events before which some are missing. */
  readonly latest: readonly EventId[]
  readonly limit: number
  readonly minDepth: number
}

export interface ServedHistoryParts {
  readonly rooms: ServedRooms
  readonly reader: Pick<EventsReader, 'events' | 'event'>
  readonly serverName: ServerName
  readonly clock: Clock
}

const MAX_BACKFILLED = 100
const MAX_MISSING = 50
/** Events that one walk looks at, those that it does not return included. */
const MAX_LOOKED_AT = 1_000
const MAX_BYTES = 4 * 1024 * 1024
const READ_AT_ONCE = 50

/** Pieces of a room's history, as other servers ask for them. Answers are JSON texts. */
export class ServedHistory {
  readonly #parts: ServedHistoryParts

  constructor(parts: ServedHistoryParts) {
    this.#parts = parts
  }

  /** `GET /event/{eventId}`. Throws `M_NOT_FOUND`; `M_FORBIDDEN` for an event of a room in which the server is not. */
  async event(eventId: EventId, server: ServerName): Promise<string> {
    const { rooms, reader } = this.#parts
    const found = await reader.event(eventId)
    if (found === undefined) throw new MatrixError('M_NOT_FOUND', 'Event not found')
    const room = await rooms.room(found.roomId, server)
    return this.#transaction(await rooms.texts(room, [await rooms.event(room, eventId)]))
  }

  /** The events named and those before them, nearest first. Throws `M_FORBIDDEN`. */
  async backfill({ roomId, from, limit }: BackfillRequest, server: ServerName): Promise<string> {
    const { rooms } = this.#parts
    const room = await rooms.room(roomId, server)
    const events = await this.#walk(room, from, { limit: Math.min(limit, MAX_BACKFILLED), minDepth: 0, beyond: [] })
    return this.#transaction(await rooms.texts(room, events))
  }

  /** The events between two lines through the graph, earlier ones first. Throws `M_FORBIDDEN`. */
  async missing(request: MissingEventsRequest, server: ServerName): Promise<string> {
    const { rooms, reader } = this.#parts
    const room = await rooms.room(request.roomId, server)
    const latest = (await reader.events(request.latest)).filter((event) => isServed(room, event))
    const from = latest.flatMap((event) => previousOf(room, event))
    const events = await this.#walk(room, from, {
      limit: Math.min(request.limit, MAX_MISSING),
      minDepth: request.minDepth,
      beyond: [...request.earliest, ...request.latest],
    })
    return `{"events":[${(await rooms.texts(room, events.toReversed())).join()}]}`
  }

  /** Breadth first over `prev_events`. Refused events are gone through and never returned: a row of them ends nothing. */
  async #walk(room: ServedRoom, from: readonly EventId[], { limit, minDepth, beyond }: Bounds): Promise<StoredEvent[]> {
    const seen = new Set<EventId>([...beyond, ...from])
    const found: StoredEvent[] = []
    let bytes = 0
    let lookedAt = 0
    let layer = from.filter((eventId) => !beyond.includes(eventId))
    while (layer.length > 0) {
      const next: EventId[] = []
      for (let start = 0; start < layer.length; start += READ_AT_ONCE) {
        const events = await this.#parts.reader.events(layer.slice(start, start + READ_AT_ONCE))
        await yieldToEventLoop(this.#parts.clock)
        for (const event of events.toSorted((one, other) => other.depth - one.depth)) {
          if (!isWalked(room, event) || event.depth < minDepth) continue
          lookedAt += 1
          bytes += event.json.length
          if (found.length >= limit || lookedAt > MAX_LOOKED_AT || bytes > MAX_BYTES) return found
          if (isServed(room, event)) found.push(event)
          for (const previous of previousOf(room, event)) {
            if (seen.has(previous)) continue
            seen.add(previous)
            next.push(previous)
          }
        }
      }
      layer = next
    }
    return found
  }

  #transaction(texts: readonly string[]): string {
    const { serverName, clock } = this.#parts
    return `{"origin":${JSON.stringify(serverName)},"origin_server_ts":${clock.nowMs()},"pdus":[${texts.join()}]}`
  }
}

interface Bounds {
  readonly limit: number
  readonly minDepth: number
  readonly beyond: readonly EventId[]
}

/** Events known for their content alone stand in no history. */
const isWalked = ({ record }: ServedRoom, { room, placing }: StoredEvent): boolean =>
  room === record.room && placing !== 'outlier'

const isServed = (room: ServedRoom, event: StoredEvent): boolean =>
  isWalked(room, event) && event.placing !== 'rejected'

const previousOf = ({ version }: ServedRoom, { json, eventId }: StoredEvent): readonly EventId[] =>
  toRoomEvent(version, JSON.parse(json) as Pdu, eventId).prevEvents
