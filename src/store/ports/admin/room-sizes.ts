import type { RoomId } from '#spec'

/** Size of the events of a room in the database, as estimated. */
export interface RoomSize {
  readonly roomId: RoomId
  readonly bytes: number
}

export interface RoomSizesReader {
  /**
   * The rooms that take most, the largest first. Every event is weighed where there are no more of them than `samples`; else that many, at equal
   * distances, stand for all. Runs off the event loop.
   */
  largest(limit: number, samples: number): Promise<readonly RoomSize[]>
}
