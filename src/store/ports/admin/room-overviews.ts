import type { RoomId, ServerName, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { RoomNumber } from '../rooms/events.ts'

/** A room as administrators are shown it in a list. Texts are empty where the room has none. */
export interface RoomOverview {
  readonly room: RoomNumber
  readonly roomId: RoomId
  readonly name: string
  readonly canonicalAlias: string
  readonly joinedCount: number
  readonly joinedLocalCount: number
  readonly version: string
  readonly creator: string
  readonly encryption: string
  readonly federatable: boolean
  readonly published: boolean
  readonly joinRules: string
  readonly guestAccess: string
  readonly historyVisibility: string
  /** Entries of the current state, members included. */
  readonly stateEvents: number
  readonly roomType: string
}

export const ROOM_ORDERS = [
  'name',
  'canonical_alias',
  'joined_members',
  'joined_local_members',
  'version',
  'creator',
  'encryption',
  'federatable',
  'public',
  'join_rules',
  'guest_access',
  'history_visibility',
  'state_events',
] as const
export type RoomOrder = (typeof ROOM_ORDERS)[number]

export interface RoomOverviewsQuery {
  readonly order: RoomOrder
  readonly direction: 'ascending' | 'descending'
  readonly offset: number
  readonly limit: number
  /** Part of a name or of the local part of the main alias, in any case; or of a room id, as it is written. */
  readonly term?: string | undefined
  readonly published?: boolean | undefined
  readonly empty?: boolean | undefined
}

export interface BlockedRoom {
  readonly roomId: RoomId
  readonly blockedBy: UserId | 'operator'
  readonly blockedAtMs: number
}

export interface RoomOverviewsReader {
  /** A page of the rooms that this server is or was in, and how many there are in all. Runs off the event loop. */
  page(query: RoomOverviewsQuery): Promise<{ readonly rooms: readonly RoomOverview[]; readonly total: number }>
  overview(roomId: RoomId): Promise<RoomOverview | undefined>
  /** Devices of this server's users who are joined, and whether each of its users who ever was in the room has forgotten it. Runs off the event loop. */
  localUse(room: RoomNumber): Promise<{ readonly devices: number; readonly isForgotten: boolean }>
  /** All other servers that are in a room here. Runs off the event loop. */
  neighbours(): Promise<readonly ServerName[]>
  /** The rooms that a server is in, by their ids. Runs off the event loop. */
  roomsOfServer(
    server: ServerName,
    page: { readonly direction: RoomOverviewsQuery['direction']; readonly offset: number; readonly limit: number },
  ): Promise<{ readonly roomIds: readonly RoomId[]; readonly total: number }>
  /** Rooms of before there were overviews. */
  unfilled(limit: number): Promise<readonly RoomNumber[]>
  blocked(roomId: RoomId): Promise<BlockedRoom | undefined>
  /** In the order of their ids. */
  blockedRooms(after: string, limit: number): Promise<readonly BlockedRoom[]>
}

export interface BlockedRoomsWriter {
  /** Does nothing where the room is blocked already. */
  block(room: BlockedRoom): Change<void>
  unblock(roomId: RoomId): Change<void>
}
