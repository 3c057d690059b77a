import { type Clock, type Slice, Slices } from '#base'
import { parsePdu } from '#rules'
import {
  type EventId,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseRoomId,
  ROOM_VERSIONS,
  type RoomId,
  type RoomVersion,
  type ServerName,
  stringAt,
} from '#spec'
import type { EventsReader, RoomRecord, RoomRecordsReader, RoomServersReader, StagedPdu } from '#store'
import type { ServerAcls } from './server-acls.ts'

export interface ExaminePdusParts {
  readonly reader: Pick<EventsReader, 'events'> &
    Pick<RoomRecordsReader, 'roomByRoomId'> &
    Pick<RoomServersReader, 'isServerIn'>
  readonly acls: Pick<ServerAcls, 'allows'>
  /** Takes the ends of invites and knocks in rooms that this server is not in. */
  readonly outside: {
    /** Whether the PDU was one, and is taken. */
    take(record: RoomRecord, version: RoomVersion, pdu: JsonObject, origin: ServerName): Promise<boolean>
  }
  readonly joins: {
    /** Whether this server is coming into the room now; resolves when that has ended. */
    underWay(roomId: RoomId): Promise<void> | undefined
  }
  /** Whether there is room for one more event of that server in that room. */
  readonly queue: { hasRoomFor(roomId: RoomId, origin: ServerName): Promise<boolean> }
  readonly serverName: ServerName
  readonly clock: Clock
}

type Examined =
  | { readonly kind: 'staged'; readonly pdu: StagedPdu }
  | { readonly kind: 'known'; readonly eventId: EventId }
  | { readonly kind: 'refused'; readonly eventId: EventId; readonly error: string }
  | undefined

/** A room, as all PDUs of a transaction that are of it meet it. */
interface Standing {
  readonly record: RoomRecord
  readonly version: RoomVersion
  readonly isHere: boolean
  /** Why that server may not take part in the room. */
  readonly refusal: string | undefined
  readonly isFull: boolean
}

const SLICE_MS = 5
/** The longest that a transaction waits for a join: a large room may take minutes, and its sender waits with all that it has for others. */
const JOIN_WAIT_MS = 20_000

/**
 * The look at the PDUs of a transaction before they are staged: only what needs no other server. Those of unknown rooms, and those that are no events, are
 * dropped without a word; those of rooms that this server is not in are refused, so that nobody puts it back into a room that it left.
 */
export class ExaminePdus {
  readonly #parts: ExaminePdusParts
  readonly #slices: Slices

  constructor(parts: ExaminePdusParts) {
    this.#parts = parts
    this.#slices = new Slices({ clock: parts.clock, sliceMs: SLICE_MS })
  }

  /** One outcome a PDU, in their order. */
  async examine(origin: ServerName, pdus: readonly JsonValue[]): Promise<readonly Examined[]> {
    const rooms = new Map<string, Standing | undefined>()
    const slice = this.#slices.begin()
    const examined: Examined[] = []
    for (const pdu of pdus) examined.push(isJsonObject(pdu) ? await this.#one(origin, pdu, rooms, slice) : undefined)
    return this.#withoutKnown(examined)
  }

  async #one(
    origin: ServerName,
    pdu: JsonObject,
    rooms: Map<string, Standing | undefined>,
    slice: Slice,
  ): Promise<Examined> {
    const roomId = parseRoomId(stringAt(pdu, 'room_id') ?? '')
    if (roomId === undefined) return undefined
    if (!rooms.has(roomId)) rooms.set(roomId, await this.#standing(roomId, origin))
    const standing = rooms.get(roomId)
    if (standing === undefined) return undefined
    if (slice.isOver()) await slice.next()
    const { unsigned: _, ...bare } = pdu
    const parsed = parsePdu(standing.version, bare)
    if (!parsed.ok) return undefined
    const { eventId } = parsed.value.event
    const { record, version, isHere, refusal } = standing
    if (refusal !== undefined) return { kind: 'refused', eventId, error: refusal }
    if (!isHere) {
      const taken = await this.#parts.outside.take(record, version, pdu, origin)
      return taken ? { kind: 'known', eventId } : { kind: 'refused', eventId, error: 'This server is not in the room' }
    }
    if (standing.isFull || !(await this.#parts.queue.hasRoomFor(roomId, origin))) {
      // A transaction waits once for a room.
      rooms.set(roomId, { ...standing, isFull: true })
      return { kind: 'refused', eventId, error: 'Too much of what you sent in this room is still to be taken' }
    }
    return { kind: 'staged', pdu: { origin, roomId, eventId, pduJson: parsed.value.json } }
  }

  async #standing(roomId: RoomId, origin: ServerName): Promise<Standing | undefined> {
    const { reader, acls, serverName } = this.#parts
    await this.#joined(roomId)
    const record = await reader.roomByRoomId(roomId)
    const version = record === undefined ? undefined : ROOM_VERSIONS.get(record.version)
    if (record === undefined || version === undefined) return undefined
    const isHere = await reader.isServerIn(record.room, serverName)
    const mayIn = await acls.allows(roomId, origin)
    const refusal = mayIn ? undefined : 'Your server may not take part in this room, by its m.room.server_acl'
    return { record, version, isHere, refusal, isFull: false }
  }

  /** Who let this server in sends what happens next at once, maybe before the room is stored here. */
  async #joined(roomId: RoomId): Promise<void> {
    const joining = this.#parts.joins.underWay(roomId)
    if (joining === undefined) return
    await new Promise<void>((go) => {
      const cancel = this.#parts.clock.after(JOIN_WAIT_MS, go)
      void joining.then(() => {
        cancel()
        go()
      })
    })
  }

  /** An event that is stored, other than for its content alone, is not looked at again. */
  async #withoutKnown(examined: readonly Examined[]): Promise<readonly Examined[]> {
    const ids = examined.flatMap((each) => (each?.kind === 'staged' ? [each.pdu.eventId] : []))
    if (ids.length === 0) return examined
    const stored = await this.#parts.reader.events(ids)
    const known = new Set(stored.flatMap(({ eventId, placing }) => (placing === 'outlier' ? [] : [eventId])))
    return examined.map((each) =>
      each?.kind === 'staged' && known.has(each.pdu.eventId) ? { kind: 'known', eventId: each.pdu.eventId } : each,
    )
  }
}
