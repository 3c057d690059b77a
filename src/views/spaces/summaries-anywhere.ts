import { type JsonObject, MatrixError, type RoomId, type ServerName, type UserId } from '#spec'
import type { RoomRecordsReader, RoomServersReader } from '#store'
import type { RoomSummaries } from '../directory/room-summaries.ts'
import { isHere, makerOf, type SpacesElsewhere } from './rooms-elsewhere.ts'

export interface SummariesAnywhereParts {
  readonly reader: RoomRecordsReader & RoomServersReader
  readonly summaries: Pick<RoomSummaries, 'summary' | 'mayKnowElsewhere' | 'membershipIn'>
  readonly elsewhere: SpacesElsewhere
  readonly serverName: ServerName
}

/** `GET /room_summary`, also of rooms that only other servers know. */
export class SummariesAnywhere {
  readonly #parts: SummariesAnywhereParts

  constructor(parts: SummariesAnywhereParts) {
    this.#parts = parts
  }

  /**
   * Asks these servers about a room that is not known here, for users of this server alone. Throws `M_NOT_FOUND`, the same for rooms that do not exist and for
   * those that the user may not know of.
   */
  async summary(roomId: RoomId, via: readonly ServerName[], userId: UserId | undefined): Promise<JsonObject> {
    const { reader, summaries, elsewhere, serverName } = this.#parts
    const record = await reader.roomByRoomId(roomId)
    if (userId === undefined || (await isHere(record, serverName, reader))) return summaries.summary(roomId, userId)
    const known = record === undefined ? [] : (await reader.serversOf(record.room)).map(({ name }) => name)
    const space = await elsewhere.space(roomId, [...via, ...makerOf(roomId), ...known])
    if (space === undefined || !(await summaries.mayKnowElsewhere(roomId, space.json, userId)))
      throw new MatrixError('M_NOT_FOUND', 'There is no such room that you may see')
    return { ...space.json, membership: await summaries.membershipIn(roomId, userId) }
  }
}
