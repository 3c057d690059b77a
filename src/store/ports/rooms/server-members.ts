import type { EventId, Membership, ServerName, UserId } from '#spec'
import type { EventNumber, RoomNumber } from './events.ts'

/** A stretch of a room's state log in which a user of a server was joined or invited: after the events at `from` and later, before that at `until`. */
export interface ServerStay {
  readonly userId: UserId
  readonly membership: 'join' | 'invite'
  readonly from: number
  /** undefined: to this day. */
  readonly until: number | undefined
}

/** A place between stays; they go by user and time. */
export type ServerStayPlace = Pick<ServerStay, 'userId' | 'from'>

/** The members of one server in the state before an event, by reference. */
export interface PriorServerMembers {
  /** The log right after this position, except for `differs`; undefined: the state before the event is not known. */
  readonly at: number | undefined
  readonly differs: readonly { readonly userId: UserId; readonly membership: Membership | undefined }[]
}

export interface ServerMembersReader {
  /** A page of the stays of a server's users in a room. Runs off the event loop, as all members of the room are looked at. */
  staysOfServer(
    room: RoomNumber,
    server: ServerName,
    after: ServerStayPlace | undefined,
    limit: number,
  ): Promise<readonly ServerStay[]>
  /** By the numbers of the events. */
  membersOfServerBefore(
    events: readonly EventNumber[],
    server: ServerName,
  ): Promise<ReadonlyMap<EventNumber, PriorServerMembers>>
  /** The events, among those given, that are entries of the room's current state. */
  inCurrentState(room: RoomNumber, events: readonly EventId[]): Promise<ReadonlySet<EventId>>
}
