import type { Clock } from '#base'
import { FederationFailure, type FederationRequests } from '#net'
import {
  type EventId,
  isJsonObject,
  type JsonValue,
  parseEventId,
  ROOM_VERSIONS,
  type RoomId,
  type ServerName,
} from '#spec'
import type { RoomGraphReader, RoomRecordsReader, RoomServersReader } from '#store'
import type { MissingStates, RoomHere } from '../receiving/index.ts'

export interface MomentRequest {
  readonly roomId: RoomId
  /** Milliseconds since 1970. */
  readonly ts: number
  readonly direction: 'forward' | 'backward'
}

/** An event and its time. */
export type Moment = { readonly event_id: EventId; readonly origin_server_ts: number }

export interface MomentsElsewhereParts {
  readonly reader: RoomGraphReader & RoomRecordsReader & RoomServersReader
  readonly requests: Pick<FederationRequests, 'json'>
  readonly states: MissingStates
  readonly serverName: ServerName
  readonly clock: Clock
}

const TIME_BOX_MS = 15_000
const ASK_MS = 5_000
const MAX_SERVERS = 5
const MAX_BYTES = 64 * 1024
const ENDS_LOOKED_AT = 100

/** Finds the event nearest to a time where this server lacks the history around it (server-server API, `GET /timestamp_to_event`). */
export class MomentsElsewhere {
  readonly #parts: MomentsElsewhereParts

  constructor(parts: MomentsElsewhereParts) {
    this.#parts = parts
  }

  /**
   * The event that another server of the room knows, if it is nearer than the one known here; it is stored then. undefined also where nothing is missing
   * between the time and that event, and where nobody answers in time.
   */
  async nearer(request: MomentRequest, known: Moment | undefined): Promise<Moment | undefined> {
    const { reader, serverName, clock } = this.#parts
    const record = await reader.roomByRoomId(request.roomId)
    const version = record && ROOM_VERSIONS.get(record.version)
    if (record === undefined || version === undefined || record.partialSince !== undefined) return undefined
    const room: RoomHere = { roomId: request.roomId, version, room: record.room }
    if (known?.origin_server_ts === request.ts || !(await this.#isBehindGap(room, request, known))) return undefined
    const servers = (await reader.serversOf(record.room)).map(({ name }) => name)
    if (!servers.includes(serverName)) return undefined
    const box = new AbortController()
    const cancel = clock.after(TIME_BOX_MS, () => box.abort())
    try {
      for (const server of servers.filter((name) => name !== serverName).slice(0, MAX_SERVERS)) {
        if (box.signal.aborted) return undefined
        const found = await this.#from(server, room, request, box.signal)
        if (found !== undefined && isNearer(found, known, request)) return found
      }
      return undefined
    } finally {
      cancel()
    }
  }

  /** Whether events are missing between that time and the event that is known here. */
  async #isBehindGap({ room }: RoomHere, { direction }: MomentRequest, known: Moment | undefined): Promise<boolean> {
    const { reader } = this.#parts
    const missing = await reader.backwardExtremities(room, ENDS_LOOKED_AT)
    const [event] = known === undefined ? [] : await reader.graphEvents([known.event_id])
    if (event === undefined) return missing.length > 0
    return missing.some(({ depth }) => (direction === 'forward' ? depth <= event.depth : depth > event.depth))
  }

  async #from(
    server: ServerName,
    room: RoomHere,
    request: MomentRequest,
    signal: AbortSignal,
  ): Promise<Moment | undefined> {
    const { requests, states, reader } = this.#parts
    try {
      const answer = await requests.json(server, {
        method: 'GET',
        path: `/_matrix/federation/v1/timestamp_to_event/${encodeURIComponent(room.roomId)}`,
        query: { ts: request.ts, dir: request.direction === 'forward' ? 'f' : 'b' },
        ...{ timeoutMs: ASK_MS, maxBytes: MAX_BYTES, signal },
      })
      const found = momentIn(answer)
      if (found === undefined) return undefined
      const [stored] = await reader.graphEvents([found.event_id])
      const isThere = stored !== undefined && stored.placing !== 'outlier'
      return isThere || (await states.place(server, room, found.event_id, signal)) ? found : undefined
    } catch (error) {
      if (!(error instanceof FederationFailure) && !signal.aborted) throw error
      return undefined
    }
  }
}

const momentIn = (answer: JsonValue): Moment | undefined => {
  if (!isJsonObject(answer) || typeof answer.event_id !== 'string') return undefined
  const eventId = parseEventId(answer.event_id)
  const time = answer.origin_server_ts
  if (eventId === undefined || typeof time !== 'number' || !Number.isSafeInteger(time)) return undefined
  return { event_id: eventId, origin_server_ts: time }
}

const isNearer = (
  { origin_server_ts: time }: Moment,
  known: Moment | undefined,
  { ts, direction }: MomentRequest,
): boolean => {
  if (direction === 'forward' ? time < ts : time > ts) return false
  return known === undefined || Math.abs(time - ts) < Math.abs(known.origin_server_ts - ts)
}
