import { type Clock, Slices } from '#base'
import { canonicalJson, redact } from '#rules'
import {
  type EventId,
  MatrixError,
  type Pdu,
  ROOM_VERSIONS,
  type RoomId,
  type RoomVersion,
  type ServerName,
  serverOf,
} from '#spec'
import type { EventsReader, RoomRecord, RoomRecordsReader, RoomServersReader, StoredEvent } from '#store'
import type { ServerVisibility } from '../known/server-visibility.ts'

/** Which servers a room lets in (`m.room.server_acl`); the domain answers. */
export interface RoomAcls {
  allows(roomId: RoomId, server: ServerName): Promise<boolean>
}

export interface ServedRoomsParts {
  readonly reader: EventsReader & RoomRecordsReader & Pick<RoomServersReader, 'isServerIn'>
  readonly acls: RoomAcls
  readonly visibility: Pick<ServerVisibility, 'mayServerSee'>
  readonly serverName: ServerName
  /** Puts this server's signature on an event of its own that has none yet (`signWhenSent`). */
  readonly signed: (json: string) => string
  readonly clock: Clock
}

/** The longest that events are signed before others are served: a signature takes some 0.1 ms. */
const SLICE_MS = 4

/** A room as one server may ask about it. */
export interface ServedRoom {
  readonly record: RoomRecord
  readonly version: RoomVersion
  readonly server: ServerName
}

/** The rooms of which other servers may ask, and their events in the form that these may have. */
export class ServedRooms {
  readonly #parts: ServedRoomsParts
  readonly #slices: Slices

  constructor(parts: ServedRoomsParts) {
    this.#parts = parts
    this.#slices = new Slices({ clock: parts.clock, sliceMs: SLICE_MS })
  }

  /** Throws `M_FORBIDDEN` unless the server is in the room and the room lets it in, the same for rooms that are not known. */
  async room(roomId: RoomId, server: ServerName): Promise<ServedRoom> {
    const { reader, acls } = this.#parts
    const record = await reader.roomByRoomId(roomId)
    const version = record && ROOM_VERSIONS.get(record.version)
    if (record === undefined || version === undefined || !(await reader.isServerIn(record.room, server)))
      throw new MatrixError('M_FORBIDDEN', 'Your server is not in this room')
    if (!(await acls.allows(roomId, server)))
      throw new MatrixError('M_FORBIDDEN', 'The room does not let your server take part')
    return { record, version, server }
  }

  /** Throws `M_NOT_FOUND` for an event that is not known in the room, or was refused. */
  async event({ record }: ServedRoom, eventId: EventId): Promise<StoredEvent> {
    const event = await this.#parts.reader.event(eventId)
    const isKnown = event !== undefined && event.room === record.room && event.placing !== 'rejected'
    // Nobody can say here who may see an event whose members are not known yet; others in the room can.
    if (!isKnown || (record.partialSince !== undefined && !this.#isOwn(event)))
      throw new MatrixError('M_NOT_FOUND', 'Event not found')
    return event
  }

  /** The PDUs as JSON texts: whole where the server may see the event, else in their redacted form, whose hash and signatures are the same. */
  async texts({ server, version, record }: ServedRoom, events: readonly StoredEvent[]): Promise<readonly string[]> {
    const seen = await this.#parts.visibility.mayServerSee(server, events)
    // Events of users here were sent to all servers that are in the room.
    const isSent = (event: StoredEvent): boolean => record.partialSince !== undefined && this.#isOwn(event)
    const slice = this.#slices.begin()
    const texts: string[] = []
    for (const event of events) {
      if (slice.isOver()) await slice.next()
      const text = seen.has(event.event) || isSent(event) ? event.json : redactedText(version, event)
      texts.push(this.#parts.signed(text))
    }
    return texts
  }

  #isOwn({ sender }: StoredEvent): boolean {
    return serverOf(sender) === this.#parts.serverName
  }
}

export const redactedText = (version: RoomVersion, { json }: Pick<StoredEvent, 'json'>): string => {
  const text = canonicalJson(redact(version, JSON.parse(json) as Pdu))
  if (!text.ok) throw new Error(`a stored event is not canonical: ${text.failure.reason}`)
  return text.value
}
