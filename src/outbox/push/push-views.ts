import type { EventId, JsonObject, RoomId, UserId } from '#spec'
import type { RoomNumber, UserNumber } from '#store'

export interface PushUser {
  readonly user: UserNumber
  readonly userId: UserId
  /** The profile tag of the pusher that is told. */
  readonly profileTag?: string | undefined
}

/** An event that notifies a user, by their push rules. */
export interface Notice {
  readonly position: number
  readonly room: RoomNumber
  readonly eventId: EventId
  readonly roomId: RoomId
  readonly type: string
  /** As its sender's server says, in milliseconds. */
  readonly sentAtMs: number
  readonly sender: UserId
  readonly content: JsonObject
  readonly senderDisplayName: string | undefined
  readonly roomName: string | undefined
  readonly roomAlias: string | undefined
  /** The new membership if the event is a member event. */
  readonly membership: string | undefined
  readonly userIsTarget: boolean
  /** `sound`, `highlight` and others, as set by the rule. */
  readonly tweaks: JsonObject
}

/** The questions that pushing asks of the views; wired in `app`. */
export interface PushViews {
  /**
   * The first event with `after` < position <= `upTo` that notifies the user and was not read meanwhile. `reached` is its position,
   * or the position up to which there is none. `recount`: an event up to there may have made something count no more.
   */
  next(
    user: PushUser,
    after: number,
    upTo: number,
  ): Promise<{ readonly notice: Notice | undefined; readonly reached: number; readonly recount: boolean }>
  /** Unread notifications in all rooms the user is in. */
  unread(user: PushUser): Promise<number>
  /** Rooms whose events may concern the user. */
  roomsOf(user: PushUser): Promise<readonly RoomNumber[]>
}
