import type { Membership, RoomId, UserId } from '#spec'
import type { RoomNumber, UserNumber } from './events.ts'

export interface MembershipRecord {
  readonly room: RoomNumber
  readonly roomId: RoomId
  readonly membership: Membership
  /** Position from which the membership holds. */
  readonly position: number
  readonly forgotten: boolean
  /** Position from which all members of the room are known; left out: they always were. */
  readonly membersSince?: number
}

export interface MemberRecord {
  readonly userId: UserId
  readonly user: UserNumber
  readonly membership: Membership
  readonly position: number
}

/** A ban's place among the bans of its room. */
export interface BanPlace {
  readonly position: number
  readonly user: UserNumber
}

export interface RoomsAround {
  readonly user: UserNumber
  readonly after: number
  /** Rooms beyond this one. */
  readonly beyond: RoomNumber
  readonly limit: number
}

export interface MembersReader {
  membership(room: RoomNumber, user: UserId): Promise<(MemberRecord & Pick<MembershipRecord, 'forgotten'>) | undefined>
  members(room: RoomNumber, memberships: readonly Membership[]): Promise<readonly MemberRecord[]>
  /** A page of the banned users beyond a place, with their member events' JSON, in the order of the bans. */
  bannedUsers(
    room: RoomNumber,
    after: BanPlace,
    limit: number,
  ): Promise<readonly { readonly place: BanPlace; readonly userId: UserId; readonly json: string }[]>
  /** Rooms that the user is joined to and whose state has that entry, by number. Runs off the event loop. */
  joinedRoomsWith(user: UserId, type: string, stateKey: string, limit: number): Promise<readonly RoomId[]>
  /** The first `limit` members by stream order who have one of these memberships, without `except`: the heroes of a room. */
  firstMembers(
    room: RoomNumber,
    memberships: readonly Membership[],
    limit: number,
    except: UserId,
  ): Promise<readonly MemberRecord[]>
  /** The position of the user's first join of the room. */
  firstJoin(room: RoomNumber, user: UserId): Promise<number | undefined>
  /** The position of the user's last join of each of these rooms; rooms that they never joined are left out. */
  lastJoins(rooms: readonly RoomNumber[], user: UserId): Promise<ReadonlyMap<RoomNumber, number>>
  roomsOfUser(user: UserId): Promise<readonly MembershipRecord[]>
  /**
   * A page of the rooms whose members may have news of a user, by number: those that the user is joined to, and those where the user's membership changed after a position of the
   * stream of events, whatever it is now.
   */
  roomsAround(page: RoomsAround): Promise<readonly RoomNumber[]>
  /** Rooms of the user, whatever their membership, with an event in the stream at `after` < position <= `upTo`. */
  changedRoomsOfUser(user: UserNumber, after: number, upTo: number): Promise<readonly RoomNumber[]>
  /** Whether both users are joined to a common room. */
  shareRoom(one: UserId, other: UserId): Promise<boolean>
  /** Rooms that both users are joined to, by number, beyond the room `after`. Runs off the event loop. */
  mutualRooms(
    one: UserId,
    other: UserId,
    after: RoomNumber,
    limit: number,
  ): Promise<readonly { readonly room: RoomNumber; readonly roomId: RoomId }[]>
  /** Counts them up to `upTo`. */
  countMutualRooms(one: UserId, other: UserId, upTo: number): Promise<number>
  /** All other users joined to a room with that user; only rooms with at most so many joined members, if a number is given. */
  usersSharingRooms(user: UserId, maxMembers?: number): Promise<readonly UserId[]>
  /** A page of the joined members by user id, each with their member event's JSON. Cheaper than their events. */
  joinedMembers(
    room: RoomNumber,
    after: string,
    limit: number,
  ): Promise<readonly { readonly userId: UserId; readonly json: string }[]>
}
