import { MatrixError, type RoomId, type ServerName } from '#spec'
import type { RoomRecord, RoomRecordsReader, RoomServersReader } from '#store'
import { UnknownRoom } from '../turns/rooms.ts'
import type { RoomAcls } from './neighbours.ts'

export interface ResidencyParts {
  readonly reader: Pick<RoomRecordsReader, 'roomByRoomId'> & Pick<RoomServersReader, 'serversOf' | 'isServerIn'>
  readonly acls: RoomAcls
  readonly serverName: ServerName
}

/**
 * - `here`: this server is in the room, or nobody is any more: it alone decides.
 * - `elsewhere`: only other servers are, as far as this one knows.
 */
export type Whereabouts = { readonly place: 'here' | 'elsewhere'; readonly record: RoomRecord | undefined }

/** Tells the rooms that this server is in from those that it only heard of. */
export class Residency {
  readonly #parts: ResidencyParts

  constructor(parts: ResidencyParts) {
    this.#parts = parts
  }

  async of(roomId: RoomId): Promise<Whereabouts> {
    const { reader, serverName } = this.#parts
    const record = await reader.roomByRoomId(roomId)
    if (record === undefined || record.extremities.length === 0) return { place: 'elsewhere', record }
    if (await reader.isServerIn(record.room, serverName)) return { place: 'here', record }
    return { place: (await reader.serversOf(record.room)).length === 0 ? 'here' : 'elsewhere', record }
  }

  /** The servers with members in the room, but for this one. */
  async others(record: RoomRecord | undefined): Promise<readonly ServerName[]> {
    if (record === undefined) return []
    const { reader, serverName } = this.#parts
    return (await reader.serversOf(record.room)).map(({ name }) => name).filter((name) => name !== serverName)
  }

  /** For requests of other servers. Throws `M_NOT_FOUND` for rooms that this server is not in, or whose members it does not know yet, and `M_FORBIDDEN` where the room's ACL denies the server. */
  async serve(roomId: RoomId, origin: ServerName): Promise<RoomRecord> {
    const { reader, acls, serverName } = this.#parts
    const record = await reader.roomByRoomId(roomId)
    if (record === undefined || record.extremities.length === 0 || !(await reader.isServerIn(record.room, serverName)))
      throw new UnknownRoom()
    // Whoever lacks members cannot say who may come, nor what the state is; others in the room can.
    if (record.partialSince !== undefined) throw new UnknownRoom()
    if (!(await acls.allows(roomId, origin)))
      throw new MatrixError('M_FORBIDDEN', 'Your server may not take part in this room')
    return record
  }
}
