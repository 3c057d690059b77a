import type { JsonObject, RoomId } from '#spec'
import type { JobKind, RunningJob } from '../../jobs/index.ts'
import { NOTHING_PURGED, type PurgedSoFar, type PurgeHistory } from '../../rooms/index.ts'

export interface HistoryPurge extends JsonObject {
  readonly room_id: RoomId
  readonly before_depth: number
  readonly delete_local_events: boolean
}

/** Removes a room's messages up to a place in its history, in pieces. */
export class PurgeRoomHistory implements JobKind<HistoryPurge> {
  readonly name = 'room.purge-history'
  readonly #history: PurgeHistory

  constructor(history: PurgeHistory) {
    this.#history = history
  }

  async run(params: HistoryPurge, job: RunningJob): Promise<JsonObject> {
    const wish = {
      roomId: params.room_id,
      beforeDepth: params.before_depth,
      localOnes: params.delete_local_events,
    }
    for (let from = reachedIn(job.progress); ; ) {
      const { reached, done } = await this.#history.piece(wish, from)
      await job.save({ ...reached })
      if (done) return { removed: reached.removed }
      from = reached
    }
  }
}

const numberOr = (value: unknown, otherwise: number): number => (typeof value === 'number' ? value : otherwise)

const reachedIn = ({ depth, event, removed }: JsonObject): PurgedSoFar => ({
  depth: numberOr(depth, NOTHING_PURGED.depth),
  event: numberOr(event, NOTHING_PURGED.event),
  removed: numberOr(removed, 0),
})
