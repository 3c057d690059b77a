import { parsePdu } from '#rules'
import { type JsonObject, MatrixError, parseRoomId, ROOM_VERSIONS, type RoomId, type ServerName, stringAt } from '#spec'
import type { RoomRecordsReader, RoomServersReader } from '#store'
import type { OwnPolicyServer } from './own-policy-server.ts'

export interface SignRequestsParts {
  readonly own: OwnPolicyServer
  readonly rooms: Pick<RoomRecordsReader, 'roomByRoomId'> & Pick<RoomServersReader, 'isServerIn'>
  /** The rooms' own lists of servers that take no part in them. */
  readonly acls: { allows(roomId: RoomId, server: ServerName): Promise<boolean> }
  readonly bans: { bansRoom(roomId: RoomId): boolean }
}

/** Requests of other servers to sign events, by those who may ask. */
export class SignRequests {
  readonly #parts: SignRequestsParts

  constructor(parts: SignRequestsParts) {
    this.#parts = parts
  }

  /**
   * The signature on the event. Throws `M_NOT_FOUND` for rooms that this server does not serve, and to servers that are not in the room, which learn nothing of
   * it; `M_FORBIDDEN` with status 403 to servers that the room's ACL shuts out, with 400 for an event that is refused; `M_BAD_JSON` for what is no event.
   */
  async sign(origin: ServerName, value: JsonObject): Promise<JsonObject> {
    const { own, rooms, acls, bans } = this.#parts
    const roomId = parseRoomId(stringAt(value, 'room_id') ?? '')
    const record = roomId === undefined || bans.bansRoom(roomId) ? undefined : await rooms.roomByRoomId(roomId)
    const version = record === undefined ? undefined : ROOM_VERSIONS.get(record.version)
    if (roomId === undefined || record === undefined || version === undefined || !record.policed) throw notServed()
    const { room } = record
    const areIn = (await rooms.isServerIn(room, origin)) && (await rooms.isServerIn(room, own.key.serverName))
    if (!areIn || !(await own.serves(room))) throw notServed()
    if (!(await acls.allows(roomId, origin)))
      throw new MatrixError('M_FORBIDDEN', 'The room does not let your server take part')
    // Members that a server adds for the next one are not signed.
    const { unsigned: _, ...bare } = value
    const well = parsePdu(version, bare)
    if (!well.ok) throw new MatrixError('M_BAD_JSON', `It is no event: ${well.failure.reason}`, { status: 400 })
    return own.sign({ room, version }, well.value.event, well.value.pdu)
  }
}

const notServed = (): MatrixError =>
  new MatrixError('M_NOT_FOUND', 'This server is not the policy server of any such room')
