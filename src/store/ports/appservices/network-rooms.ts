import type { RoomId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { RoomNumber } from '../rooms/events.ts'

/** A network of an application service. */
export interface ServiceNetwork {
  readonly service: string
  readonly network: string
}

export interface NetworkRoom {
  readonly room: RoomNumber
  readonly roomId: RoomId
  readonly joinedCount: number
}

export interface NetworkRoomsReader {
  /** Rooms beyond `after`, by number, that somebody is in: of one network, or of all, without those of the public directory. */
  networkRooms(
    of: ServiceNetwork | 'all',
    page: { readonly after: RoomNumber; readonly limit: number },
  ): Promise<readonly NetworkRoom[]>
}

export interface NetworkRoomsWriter {
  /** Lists the room, or takes it from the list. */
  setListed(room: RoomNumber, of: ServiceNetwork, listed: boolean): Change<void>
  /** Removes all lines of a room that is gone. */
  removeRoom(room: RoomNumber): Change<void>
}
