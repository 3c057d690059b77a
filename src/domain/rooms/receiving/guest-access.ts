import type { RoomId } from '#spec'
import type { RoomGraph } from '../graph/index.ts'

export interface GuestAccessParts {
  readonly graph: Pick<RoomGraph, 'receive'>
  readonly guests: { removeGuests(roomId: RoomId): Promise<void> }
}

/**
 * Receives events as the graph does, and removes the guests of this server from rooms that another server closes to guests: "the server MUST set those users' `m.room.member`
 * state to `leave`" (module "Guest access").
 */
export class GuestAccess implements Pick<RoomGraph, 'receive'> {
  readonly #parts: GuestAccessParts

  constructor(parts: GuestAccessParts) {
    this.#parts = parts
  }

  readonly receive: RoomGraph['receive'] = async (roomId, events, options) => {
    const { graph, guests } = this.#parts
    const verdicts = await graph.receive(roomId, events, options)
    // An event that is known may come once more after a crash between its commit and what follows.
    const isClosed = events.some(({ event: { type, stateKey, content } }, index) => {
      const kind = verdicts[index]?.kind
      const isTaken = kind === 'accepted' || kind === 'known'
      return isTaken && type === 'm.room.guest_access' && stateKey === '' && content.guest_access !== 'can_join'
    })
    if (isClosed) await guests.removeGuests(roomId)
    return verdicts
  }
}
