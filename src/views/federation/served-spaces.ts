import type { Clock } from '#base'
import { MatrixError, type RoomId, type ServerName } from '#spec'
import type { RoomRecordsReader, RoomStateReader } from '#store'
import type { RoomSummaries } from '../directory/room-summaries.ts'
import { spaceChildren } from '../spaces/space-children.ts'

export interface ServedSpacesParts {
  readonly reader: Pick<RoomRecordsReader, 'roomByRoomId'> & Pick<RoomStateReader, 'stateInForce'>
  readonly summaries: Pick<RoomSummaries, 'findFor'>
  readonly clock: Clock
}

/** A room and the rooms right below it, as a server may know of them (`GET /hierarchy`). */
export class ServedSpaces {
  readonly #parts: ServedSpacesParts

  constructor(parts: ServedSpacesParts) {
    this.#parts = parts
  }

  /** JSON text. Throws `M_NOT_FOUND`, the same for rooms that are unknown and for those of which the server may not know. */
  async children(roomId: RoomId, suggestedOnly: boolean, server: ServerName): Promise<string> {
    const { reader, summaries } = this.#parts
    const room = await summaries.findFor(server, roomId)
    if (room === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such room that your server may see')
    const children = room.isSpace ? await spaceChildren(room.record.room, suggestedOnly, this.#parts) : []
    const known: string[] = []
    const inaccessible: RoomId[] = []
    for (const child of children) {
      const found = await summaries.findFor(server, child.roomId)
      if (found !== undefined) known.push(JSON.stringify(found.json))
      // A room that is not known here may be known to others.
      else if (await this.#isResident(child.roomId, reader)) inaccessible.push(child.roomId)
    }
    const state = children.map(({ text }) => text).join()
    const parent = `${JSON.stringify(room.json).slice(0, -1)},"children_state":[${state}]}`
    return `{"room":${parent},"children":[${known.join()}],"inaccessible_children":${JSON.stringify(inaccessible)}}`
  }

  async #isResident(roomId: RoomId, reader: ServedSpacesParts['reader']): Promise<boolean> {
    const record = await reader.roomByRoomId(roomId)
    return record !== undefined && record.extremities.length > 0
  }
}
