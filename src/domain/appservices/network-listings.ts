import { MatrixError, type RoomId } from '#spec'
import type { Commit, NetworkRoomsWriter, RoomRecordsReader, ServiceNetwork } from '#store'

export interface NetworkListingsParts {
  readonly rooms: Pick<RoomRecordsReader, 'roomByRoomId'>
  readonly writer: NetworkRoomsWriter
  readonly commit: Commit
}

/** The lists of rooms that services keep for their networks (application service API, "Application service room directories"). */
export class NetworkListings {
  readonly #parts: NetworkListingsParts

  constructor(parts: NetworkListingsParts) {
    this.#parts = parts
  }

  /** Throws `M_NOT_FOUND` for a room that this server does not know, `M_INVALID_PARAM` for a name that cannot be stored. */
  async setListed(roomId: RoomId, of: ServiceNetwork, listed: boolean): Promise<void> {
    const { rooms, writer, commit } = this.#parts
    if (of.network.includes('\0') || !of.network.isWellFormed())
      throw new MatrixError('M_INVALID_PARAM', 'Not well-formed text')
    const record = await rooms.roomByRoomId(roomId)
    if (record === undefined) throw new MatrixError('M_NOT_FOUND', 'Unknown room')
    await commit([writer.setListed(record.room, of, listed)])
  }
}
