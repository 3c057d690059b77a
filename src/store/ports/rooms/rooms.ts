import type { EventId, RoomId, UserId } from '#spec'
import type { DirectoryReader } from './directory.ts'
import type { EventsReader, RoomNumber } from './events.ts'
import type { RoomGraphReader } from './graph.ts'
import type { MembersReader } from './members.ts'
import type { Extremity, RoomBase, StateSize } from './room-change.ts'
import type { RoomHeadsReader } from './room-heads.ts'
import type { RoomListsReader } from './room-lists.ts'
import type { RoomServersReader } from './room-servers.ts'
import type { ServerMembersReader } from './server-members.ts'
import type { RoomStateReader } from './state.ts'

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
  /** Position of the newest event of the timeline. */
  readonly lastPosition: number
  /** Position of the newest state change that state resolution made, and not the event itself; 0 for none. */
  readonly lastResolvedPosition: number
  /** undefined until the first change of the state by a version that counts it. */
  readonly stateSize: StateSize | undefined
}

export interface RoomRecordsReader {
  room(room: RoomNumber): Promise<RoomRecord | undefined>
  roomByRoomId(roomId: RoomId): Promise<RoomRecord | undefined>
  /** Counts the current state: its entries without members, and all bytes of JSON but the first `freeMemberBytes` of each member. */
  stateSize(room: RoomNumber, freeMemberBytes: number): Promise<StateSize>
  /** Backward extremities: events that stored ones refer to and that are not stored. */
  missingEvents(room: RoomNumber): Promise<readonly EventId[]>
}

export interface AliasesReader {
  roomOfAlias(
    alias: string,
  ): Promise<{ readonly room: RoomNumber; readonly roomId: RoomId; readonly creator: UserId } | undefined>
  /** `limit`: the first ones alone. */
  aliasesOf(room: RoomNumber, limit?: number): Promise<readonly string[]>
}

/** All queries about rooms. Users of it ask for the part that they need. */
export interface RoomsReader
  extends RoomRecordsReader,
    AliasesReader,
    EventsReader,
    RoomStateReader,
    RoomGraphReader,
    MembersReader,
    DirectoryReader,
    RoomHeadsReader,
    RoomListsReader,
    RoomServersReader,
    ServerMembersReader {}
