import type { RoomId } from '#spec'
import type { RoomNumber } from './events.ts'
import type { Extremity, RoomBase, StateSize } from './room-change.ts'

export interface RoomRecord extends Pick<RoomBase, 'sequence'> {
  readonly room: RoomNumber
  readonly roomId: RoomId
  /** Room version id. */
  readonly version: string
  readonly extremities: readonly Extremity[]
  readonly joinedCount: number
  readonly invitedCount: number
  /** Whether the server's public directory lists the room. */
  readonly published: boolean
  /** Whether the state has an `m.room.policy`, valid or not. */
  readonly policed: boolean
  /** Position of the newest event of the timeline, or of members that came after it. */
  readonly lastPosition: number
  /** Position of the newest state change that state resolution made, and not the event itself; 0 for none. */
  readonly lastResolvedPosition: number
  /** Position at which messages were last removed from the database, for their age or by whoever administers; 0 for never. */
  readonly lastRemovalPosition: number
  /** Position from which the state is in force that lacks members of other servers; undefined: all are there. */
  readonly partialSince: number | undefined
  /** undefined until the first change of the state by a version that counts it. */
  readonly stateSize: StateSize | undefined
}
