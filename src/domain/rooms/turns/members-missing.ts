import type { Unavailable } from '#base'
import type { RoomId } from '#spec'

/** A membership that this server does not know yet decides what is asked: the members of the room are still being fetched. */
export class MembersMissing extends Error implements Unavailable {
  override readonly name = 'MembersMissing'
  readonly retryAfterMs = 5_000

  constructor(roomId: RoomId) {
    super(`the members of ${roomId} are still being fetched`)
  }
}
