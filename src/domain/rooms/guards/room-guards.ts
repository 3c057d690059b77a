import type { EventId, Membership, RoomId, UserId } from '#spec'
import type { Draft } from '../turns/turn.ts'

/** Users and rooms that the server as a whole keeps out. */
export interface Bans {
  bansUser(userId: UserId): boolean
  bansRoom(roomId: RoomId): boolean
  /** Throws `M_FORBIDDEN` for a banned user or room. */
  mind(userId: UserId, roomId: RoomId | undefined): void
}

export interface GuardedMembership {
  readonly roomId: RoomId
  readonly sender: UserId
  readonly target: UserId
  readonly membership: Membership
}

export interface GuardedRoom {
  readonly creator: UserId
  readonly visibility: 'public' | 'private'
  readonly name?: string | undefined
  readonly topic?: string | undefined
  readonly aliasName?: string | undefined
  readonly invite: readonly UserId[]
}

/** Decides, beyond the rules of rooms, on what users of this server do. Each throws what the client is told. */
export interface RoomGuards {
  /** Joins, knocks and invites. */
  coming(request: GuardedMembership): Promise<void>
  creating(request: GuardedRoom): Promise<void>
  /** undefined: messages are sent as they are. Resolves to the id that a sender is told of a message which nobody gets; undefined: it is sent. */
  readonly sending?: ((roomId: RoomId, draft: Draft) => Promise<EventId | undefined>) | undefined
}
