import { type Clock, type Logger, yieldToEventLoop } from '#base'
import type { RoomId, UserId } from '#spec'
import type { MembersReader, RoomUpgrade } from '#store'
import { type Rooms, UnknownRoom } from '../turns/rooms.ts'
import { addUnlessRefused } from './copied-state.ts'

export interface SpaceLinksParts {
  readonly rooms: Pick<Rooms, 'turn'>
  readonly reader: MembersReader
  readonly clock: Clock
  readonly logger: Logger
}

/** Rooms of each kind whose links are moved; of more spaces than that, or with more children, people have to move the rest. */
const MAX_ROOMS = 1_000

/**
 * Spaces that have the old room as a child, and rooms that have it as a parent, get the new one in its place, where whoever upgrades may do that
 * (MSC4168).
 */
export class SpaceLinks {
  readonly #parts: SpaceLinksParts

  constructor(parts: SpaceLinksParts) {
    this.#parts = parts
  }

  async move(upgrade: RoomUpgrade): Promise<void> {
    const { reader, clock } = this.#parts
    for (const type of ['m.space.child', 'm.space.parent']) {
      for (const roomId of await reader.joinedRoomsWith(upgrade.upgrader, type, upgrade.roomId, MAX_ROOMS)) {
        if (roomId !== upgrade.roomId) await this.#moveIn(roomId, type, upgrade)
        await yieldToEventLoop(clock)
      }
    }
  }

  async #moveIn(roomId: RoomId, type: string, { roomId: from, replacementId: to, upgrader }: Ends): Promise<void> {
    const { rooms, logger } = this.#parts
    try {
      await rooms.turn(roomId, async (turn) => {
        const old = await turn.state(type, from)
        if (old === undefined || Object.keys(old.content).length === 0) return
        if ((await turn.state(type, to)) === undefined)
          await addUnlessRefused(turn, upgrader, { type, stateKey: to, content: old.content }, logger)
        // Where the new link was refused, the old one stays.
        if ((await turn.state(type, to)) !== undefined)
          await addUnlessRefused(turn, upgrader, { type, stateKey: from, content: {} }, logger)
      })
    } catch (error) {
      if (!(error instanceof UnknownRoom)) throw error
    }
  }
}

type Ends = Pick<RoomUpgrade, 'roomId' | 'replacementId'> & { readonly upgrader: UserId }
