import type { Clock, Logger, Random } from '#base'
import { MatrixError, type RoomId, type ServerName, type UserId } from '#spec'
import type { RoomGraphReader } from '#store'
import type { Rooms } from '../turns/rooms.ts'
import type { RoomTurn } from '../turns/turn.ts'
import { Intake, type IntakeParts } from './intake.ts'

export interface BranchJoinsParts {
  readonly rooms: Rooms
  readonly reader: RoomGraphReader
  readonly intake: IntakeParts
  readonly serverName: ServerName
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** Servers know this type, and show it to nobody. */
const JOINING_TYPE = 'org.matrix.dummy_event'
/** Forward extremities that a room may have: each makes the next event dearer. */
const MAX_EXTREMITIES = 10
/** Several servers see the same branches. Were all of them to join these at once, there would be as many branches again. */
const LEAST_WAIT_MS = 2_000
const MORE_WAIT_MS = 30_000
/** Members that are tried: not everybody may send. */
const MAX_SENDERS = 20
const MAX_EVENTS = 10

/** Keeps the branches of rooms few: where nobody sends for a while, this server joins them by an event that nobody is shown. */
export class BranchJoins {
  readonly #parts: BranchJoinsParts
  readonly #waiting = new Set<RoomId>()

  constructor(parts: BranchJoinsParts) {
    this.#parts = parts
  }

  /** To be told of rooms that took events: joins their branches in a while, if they are still many then. */
  consider(roomId: RoomId, extremities: number): void {
    if (extremities <= MAX_EXTREMITIES || this.#waiting.has(roomId)) return
    const { clock, random, logger } = this.#parts
    this.#waiting.add(roomId)
    const [chance = 0] = random.bytes(1)
    clock.after(LEAST_WAIT_MS + (chance / 256) * MORE_WAIT_MS, () => {
      this.#waiting.delete(roomId)
      this.join(roomId).catch((error: unknown) => {
        logger.warn({ roomId, error }, 'the branches of a room could not be joined')
      })
    })
  }

  /** Joins branches until at most so many forward extremities are left. */
  async join(roomId: RoomId, most = MAX_EXTREMITIES): Promise<void> {
    for (let sent = 0; sent < MAX_EVENTS; sent++) {
      const isDone = await this.#parts.rooms.turn(roomId, (turn) => this.#joinSome(turn, most), { settled: true })
      if (isDone) return
    }
  }

  /** Joins as many branches as one event can; returns whether there is no more to do. */
  async #joinSome(turn: RoomTurn, most: number): Promise<boolean> {
    if (turn.extremities.length <= most) return true
    const { reader, serverName, intake } = this.#parts
    for (const sender of await reader.joinedOfServer(turn.live.room, serverName, MAX_SENDERS)) {
      const built = await this.#draft(turn, sender)
      if (built === undefined) continue
      // Taken like an event from outside: it may cite fewer than all extremities, so the state before it is not the current one.
      const taking = new Intake(turn, { goal: 'timeline', options: {} }, intake)
      await taking.begin([built], [])
      const verdict = await taking.take(built)
      return verdict?.kind !== 'accepted' || turn.extremities.length <= most
    }
    return true
  }

  async #draft(turn: RoomTurn, sender: UserId) {
    try {
      return await turn.draftOf({ type: JOINING_TYPE, sender, content: {} })
    } catch (error) {
      if (error instanceof MatrixError) return undefined
      throw error
    }
  }
}
