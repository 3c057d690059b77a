import type { EventId, Membership, RoomId, UserId } from '#spec'
import type { Change } from '../engine/change.ts'

/** Internal number of a room: short keys inside, the text id only at the edge. */
export type RoomNumber = number
/** Internal number of a user, local or not. */
export type UserNumber = number

/** An event as stored. `json` is the signed PDU in canonical JSON, in its stripped form once it was redacted. */
export interface StoredEvent {
  /** Place in the stream of all events, which is also the order of the room's timeline. Negative for history fetched later. */
  readonly position: number
  readonly eventId: EventId
  readonly room: RoomNumber
  readonly roomId: RoomId
  readonly type: string
  readonly stateKey: string | undefined
  readonly sender: UserId
  readonly originServerTs: number
  readonly depth: number
  readonly json: string
  /** The redaction event in its stored JSON, once this event was redacted. */
  readonly redactedBy: { readonly eventId: EventId; readonly json: string } | undefined
  /** For state: the entry this one took the place of, with its stored JSON (`prev_content`, `replaces_state`). */
  readonly replaces: { readonly eventId: EventId; readonly json: string; readonly position: number } | undefined
  /** Who sent it with which transaction id, for `unsigned.transaction_id`. */
  readonly transaction: { readonly device: number; readonly id: string } | undefined
  readonly rejected: boolean
  readonly softFailed: boolean
}

export interface RoomRecord {
  readonly room: RoomNumber
  readonly roomId: RoomId
  /** Room version id. */
  readonly version: string
  /** Counts the room's changes; every write names the number it was computed from. */
  readonly sequence: number
  readonly extremities: readonly { readonly eventId: EventId; readonly depth: number }[]
  readonly joinedCount: number
  readonly invitedCount: number
  /** In the server's public directory. */
  readonly published: boolean
  /** Position of the newest event. */
  readonly lastPosition: number
}

export interface NewStoredEvent {
  readonly eventId: EventId
  readonly type: string
  readonly stateKey: string | undefined
  readonly sender: UserId
  readonly originServerTs: number
  readonly depth: number
  readonly json: string
  readonly rejected?: boolean
  readonly softFailed?: boolean
  /** `scope` is the path's part that tells kinds of requests apart; unique with device and id. */
  readonly transaction?: { readonly device: number; readonly scope: string; readonly id: string }
  /** Whether it becomes the room's state at its position. */
  readonly entersState: boolean
  /** For an `m.room.member` that enters state. */
  readonly membership?: Membership
}

/** All that one turn of a room changes, committed as a whole or not at all. */
export interface RoomChange {
  readonly room: RoomNumber
  /** Compare-and-set: `WriteConflict('room-changed')` where the room has moved on. */
  readonly expectedSequence: number
  /** In order; they get consecutive positions. */
  readonly events: readonly NewStoredEvent[]
  /** All forward extremities after the change. */
  readonly extremities: readonly { readonly eventId: EventId; readonly depth: number }[]
  /** Stored events that lose their content for good. */
  readonly redactions: readonly { readonly target: EventId; readonly json: string; readonly redactedBy: EventId }[]
}

export interface NewRoom {
  readonly roomId: RoomId
  readonly version: string
  readonly published: boolean
  /** Points to the room from its first moment. */
  readonly alias?: { readonly alias: string; readonly creator: UserId }
  readonly change: Omit<RoomChange, 'room' | 'expectedSequence'>
}

export interface AppliedRoomChange {
  readonly room: RoomNumber
  readonly sequence: number
  /** Position of each event, in their order. */
  readonly positions: readonly number[]
}

export interface RoomsWriter {
  /** Conflicts: `room-exists`, `alias-exists`, `transaction-used`, `event-exists`. */
  create(room: NewRoom): Change<AppliedRoomChange>
  /** Conflicts: `room-changed`, `transaction-used` (same device, scope and id), `event-exists`. Announces `events` to the room, and to users whose membership changed. */
  apply(change: RoomChange): Change<AppliedRoomChange>
  /** Marks that a user who left wants the room out of sight; ends with the next membership change. Announces `events` to the user. */
  forget(room: RoomNumber, user: UserId): Change<void>
  setPublished(room: RoomNumber, published: boolean): Change<void>
  /** Conflict: `alias-exists`. */
  addAlias(alias: string, room: RoomNumber, creator: UserId): Change<void>
  removeAlias(alias: string): Change<void>
}

export interface StateQuery {
  /** The state in force right after the event at that position; `'current'` for now. */
  readonly at: number | 'current'
  readonly types?: readonly string[]
  readonly notTypes?: readonly string[]
  /** With `types` of one entry only. */
  readonly stateKeys?: readonly string[]
}

export interface TimelineQuery {
  /** Exclusive lower and upper bound, by position; the caller's ends of the range. */
  readonly after?: number
  readonly before?: number
  readonly direction: 'forward' | 'backward'
  readonly limit: number
}

export interface MembershipRecord {
  readonly room: RoomNumber
  readonly roomId: RoomId
  readonly membership: Membership
  /** Position of the member event in force. */
  readonly position: number
  readonly forgotten: boolean
}

export interface MemberRecord {
  readonly userId: UserId
  readonly user: UserNumber
  readonly membership: Membership
  readonly position: number
}

export interface RoomsReader {
  room(room: RoomNumber): Promise<RoomRecord | undefined>
  roomByRoomId(roomId: RoomId): Promise<RoomRecord | undefined>

  event(eventId: EventId): Promise<StoredEvent | undefined>
  /** In the order asked for; unknown ones are left out. */
  events(eventIds: readonly EventId[]): Promise<readonly StoredEvent[]>
  /** Events of one room; rejected and soft-failed ones are left out. */
  timeline(room: RoomNumber, query: TimelineQuery): Promise<readonly StoredEvent[]>
  /** Events of all rooms with `after` < position <= `upTo`, oldest first; rejected and soft-failed ones are left out. */
  eventsAfter(after: number, upTo: number, limit: number): Promise<readonly StoredEvent[]>
  /** Nearest event to a time, in one direction. */
  eventByTime(room: RoomNumber, atMs: number, direction: 'forward' | 'backward'): Promise<StoredEvent | undefined>
  transactionEvent(device: number, scope: string, id: string): Promise<EventId | undefined>

  state(room: RoomNumber, query: StateQuery): Promise<readonly StoredEvent[]>
  stateEvent(room: RoomNumber, at: number | 'current', type: string, stateKey: string): Promise<StoredEvent | undefined>
  /** State entries that came into force with `after` < position <= `upTo` and are in force at `upTo`. */
  stateChanges(room: RoomNumber, after: number, upTo: number): Promise<readonly StoredEvent[]>
  /** Every event that ever held one entry, oldest first. */
  stateHistory(room: RoomNumber, type: string, stateKey: string): Promise<readonly StoredEvent[]>

  membership(room: RoomNumber, user: UserId): Promise<MemberRecord | undefined>
  /** Each membership the user ever had in the room, oldest first. */
  membershipHistory(
    room: RoomNumber,
    user: UserId,
  ): Promise<readonly { readonly membership: Membership; readonly position: number }[]>
  members(room: RoomNumber, memberships: readonly Membership[]): Promise<readonly MemberRecord[]>
  /** For heroes: the first `limit` members by stream order who have one of these memberships, without `except`. */
  firstMembers(
    room: RoomNumber,
    memberships: readonly Membership[],
    limit: number,
    except: UserId,
  ): Promise<readonly MemberRecord[]>
  roomsOfUser(user: UserId): Promise<readonly MembershipRecord[]>
  /** Whether the two are joined to a common room. */
  shareRoom(one: UserId, other: UserId): Promise<boolean>
  /** All other users joined to a room with that user. */
  usersSharingRooms(user: UserId): Promise<readonly UserId[]>

  roomOfAlias(
    alias: string,
  ): Promise<{ readonly room: RoomNumber; readonly roomId: RoomId; readonly creator: UserId } | undefined>
  aliasesOf(room: RoomNumber): Promise<readonly string[]>
  publishedRooms(): Promise<readonly RoomRecord[]>
}
