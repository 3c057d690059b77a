import type { Clock, Logger } from '#base'
import { MatrixError, type RoomId, type ServerName, type UserId } from '#spec'
import type { RoomNumber } from '#store'
import type { Rooms } from '../turns/rooms.ts'
import type { RoomTurn } from '../turns/turn.ts'

export interface ToldBranchesParts {
  readonly rooms: Pick<Rooms, 'turn'>
  readonly reader: { joinedOfServer(room: RoomNumber, server: ServerName, limit: number): Promise<readonly UserId[]> }
  readonly serverName: ServerName
  readonly clock: Clock
  readonly logger: Logger
}

/** Servers know this type, and show it to nobody. */
const TYPE = 'org.matrix.dummy_event'
/** The server that joined needs some time for the answer, and takes nothing of the room before. */
const WAIT_MS = 2_000
const MAX_SENDERS = 20

/**
 * Lets a server that joined learn of events that were sent between its `make_join` and its `send_join`: these stand beside the join, so it would hear of them only
 * with somebody's next event. An event that nobody is shown follows all of them.
 */
export class ToldBranches {
  readonly #parts: ToldBranchesParts

  constructor(parts: ToldBranchesParts) {
    this.#parts = parts
  }

  /** To be called when the answer to a join was sent. */
  tellLater(roomId: RoomId): void {
    const { clock, logger } = this.#parts
    clock.after(WAIT_MS, () => {
      this.#tell(roomId).catch((err: unknown) => logger.warn({ err, roomId }, 'branches beside a join were not told'))
    })
  }

  async #tell(roomId: RoomId): Promise<void> {
    await this.#parts.rooms.turn(roomId, async (turn) => {
      if (turn.extremities.length > 1) await this.#send(turn)
    })
  }

  async #send(turn: RoomTurn): Promise<void> {
    const { reader, serverName } = this.#parts
    for (const sender of await reader.joinedOfServer(turn.live.room, serverName, MAX_SENDERS)) {
      try {
        await turn.add({ type: TYPE, sender, content: {} })
        return
      } catch (error) {
        // Not everybody may send.
        if (!(error instanceof MatrixError)) throw error
      }
    }
  }
}
