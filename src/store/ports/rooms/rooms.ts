import type { EventId, RoomId, UserId } from '#spec'
import type { DirectoryReader } from './directory.ts'
import type { EventsReader, RoomNumber } from './events.ts'
import type { RoomGraphReader } from './graph.ts'
import type { MembersReader } from './members.ts'
import type { PartialRoomsReader } from './partial-rooms.ts'
import type { StateSize } from './room-change.ts'
import type { RoomHeadsReader } from './room-heads.ts'
import type { RoomListsReader } from './room-lists.ts'
import type { RoomRecord } from './room-record.ts'
import type { RoomServersReader } from './room-servers.ts'
import type { ServerMembersReader } from './server-members.ts'
import type { RoomStateReader } from './state.ts'

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
    PartialRoomsReader,
    ServerMembersReader {}
