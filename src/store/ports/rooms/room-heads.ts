import type { UserId } from '#spec'
import type { RoomNumber, StoredEvent } from './events.ts'
import type { RoomRecord } from './room-record.ts'
import type { PlacedEvent } from './state.ts'

/** Asks for what a reader who comes to rooms is told of each of them. Bounded where it is asked: see `MOST_HEAD_EVENTS`. */
export interface HeadsQuery {
  readonly rooms: readonly RoomNumber[]
  /** Events of each timeline. */
  readonly limit: number
  /** The reader, whose own member event is read in any case. */
  readonly user: UserId
  /** All members of rooms with at most so many member events are read. */
  readonly fewMembers: number
}

/** The newest of a room, each part as of some moment during the read. */
export interface StoredHead {
  readonly record: RoomRecord
  /** The newest events of the timeline, newest first. */
  readonly events: readonly StoredEvent[]
  /** There are no older ones. */
  readonly isWhole: boolean
  /** The entries in force but for members, by type and state key; undefined where they are many or large. */
  readonly state: readonly PlacedEvent[] | undefined
  /** Member events in force: of all users, or of those in `membersOf`: the reader and whoever sent the `events`. */
  readonly members: ReadonlyMap<UserId, PlacedEvent>
  readonly membersOf: ReadonlySet<UserId> | 'all'
}

/** The most events of timelines that one question may ask for: as many as the largest page of one timeline has. */
export const MOST_HEAD_EVENTS = 110

export interface RoomHeadsReader {
  /** A few statements, however many rooms. Unknown rooms are left out. */
  heads(query: HeadsQuery): Promise<ReadonlyMap<RoomNumber, StoredHead>>
}
