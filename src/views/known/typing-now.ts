import type { UserId } from '#spec'
import type { RoomNumber } from '#store'

/** The users who type in each room, held in memory by the domain. */
export interface TypingNow {
  /** Rooms where typing changed with `after` < position <= `upTo`, with all who type there now. */
  changedSince(
    after: number,
    upTo: number,
  ): readonly { readonly room: RoomNumber; readonly userIds: readonly UserId[] }[]
  /** The rooms in which somebody types now. */
  rooms(): Iterable<RoomNumber>
  /** The users who type in a room now. */
  typing(room: RoomNumber): readonly UserId[]
}
