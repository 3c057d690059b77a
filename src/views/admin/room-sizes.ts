import type { JsonObject } from '#spec'
import type { RoomSizesReader } from '#store'

const MOST = 10
const EVENTS_WEIGHED = 20_000

/** The rooms that take most of the database, as administrators are shown them. */
export class AdminRoomSizes {
  readonly #reader: RoomSizesReader

  constructor(reader: RoomSizesReader) {
    this.#reader = reader
  }

  /** The ten largest, in the form of Synapse. `estimated_size` is bytes; estimated from 20,000 events, so the answer costs the same on every server. */
  async largest(): Promise<readonly JsonObject[]> {
    const rooms = await this.#reader.largest(MOST, EVENTS_WEIGHED)
    return rooms.map(({ roomId, bytes }) => ({ room_id: roomId, estimated_size: bytes }))
  }
}
