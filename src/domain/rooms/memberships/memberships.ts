import { type Clock, yieldToEventLoop } from '#base'
import { takenBackBy } from '#rules'
import {
  type EventId,
  type JsonObject,
  MatrixError,
  type Membership,
  parseUserId,
  type RoomEvent,
  type RoomId,
  type ServerName,
  serverOf,
  type UserId,
} from '#spec'
import type { Commit, MemberField, RoomStateReader, RoomsWriter, UpgradeFollower } from '#store'
import { sameContent } from '../sending/sending.ts'
import { type Rooms, UnknownRoom } from '../turns/rooms.ts'
import type { Draft, RoomTurn } from '../turns/turn.ts'
import { type RemovalReader, redactOnRemoval } from './redact-on-removal.ts'
import { authoriseRestrictedJoin, type RestrictedJoinParts } from './restricted-join.ts'

const MEMBER_FIELDS: readonly MemberField[] = ['displayname', 'avatar_url']

/** The profile in a user's member events; fields that are not set are left out. */
export interface MemberProfile {
  readonly displayname?: string
  readonly avatar_url?: string
}

/** The facts of accounts that memberships need. */
export interface MemberAccounts {
  profileOf(userId: UserId): Promise<MemberProfile>
  isGuest(userId: UserId): Promise<boolean>
  exists(userId: UserId): Promise<boolean>
  /** Whether the user wants no invites from that sender (module "Invite permission"; ignored users). */
  refusesInvite(userId: UserId, from: UserId): Promise<boolean>
  /** Whether invites by that user cannot be declined: the server's own (module "Server Notices"). */
  speaksForServer(userId: UserId): boolean
}

/** Lets people's settings follow them from a room to the one that replaced it. */
export interface JoinFollowing<Note> {
  /** Notes it in the join's turn; undefined: there is nothing to follow. */
  joining(turn: RoomTurn, userId: UserId): Promise<Note | undefined>
  carry(note: Note): Promise<void>
}

/** Memberships that another server has to agree to. */
export interface OtherServers {
  /**
   * Changes the membership at a server that is in the room, where this one is not. undefined: this server decides by itself, as it is in the room, or nobody
   * is. Throws what the other servers answered, as clients are told it.
   */
  change(request: MembershipRequest, content: JsonObject): Promise<EventId | undefined>
  /** Joins by a server whose users may let the user in, as none of this one's may. undefined: there is no such server. */
  joinThrough(request: MembershipRequest, content: JsonObject): Promise<EventId | undefined>
}

/** For a server that is in all rooms that it knows. */
export const noServersElsewhere: OtherServers = {
  change: async () => undefined,
  joinThrough: async () => undefined,
}

export interface MembershipsOptions {
  readonly rooms: Rooms
  readonly reader: RoomStateReader & RemovalReader & RestrictedJoinParts['reader']
  readonly writing: { readonly writer: Pick<RoomsWriter, 'forget'>; readonly commit: Commit }
  readonly accounts: MemberAccounts
  readonly serverName: ServerName
  readonly clock: Clock
  readonly successors: JoinFollowing<UpgradeFollower>
  readonly otherServers: OtherServers
}

/** Accounts looked up before the event loop gets a turn. */
const ASKED_A_SLICE = 100

export interface MembershipRequest {
  readonly roomId: RoomId
  readonly sender: UserId
  readonly target: UserId
  readonly membership: Membership
  /** Members of the content that the caller sets: `reason`, `is_direct`, `third_party_invite`. */
  readonly content?: JsonObject
  readonly transaction?: Draft['transaction']
  readonly originServerTs?: Draft['originServerTs']
  /** Servers that may be in the room, where this one is not: `via`. */
  readonly servers?: readonly ServerName[]
}

/** Join, invite, knock, leave, kick, ban, unban: every change of a member event goes through here. */
export class Memberships {
  readonly #options: MembershipsOptions

  constructor(options: MembershipsOptions) {
    this.#options = options
  }

  /** Changes a membership. Throws `M_FORBIDDEN` if the room's rules refuse it, `M_GUEST_ACCESS_FORBIDDEN`, `M_INVITE_BLOCKED`, `M_CANNOT_LEAVE_SERVER_NOTICE_ROOM`. */
  async change(request: MembershipRequest, endsAccount = false): Promise<EventId> {
    const { sender, target, membership } = request
    if (membership === 'invite') await checkInvitee(this.#options.accounts, this.#options.serverName, sender, target)
    // The voucher of a restricted join is determined here and never taken from the client.
    const { join_authorised_via_users_server: _, ...given } = request.content ?? {}
    const content = { ...(await this.#profileFor(membership, target, given)), ...given, membership }
    const elsewhere = await this.#options.otherServers.change(request, content)
    if (elsewhere !== undefined) return this.#followed(request, elsewhere)
    return this.#changeHere(request, content, endsAccount)
  }

  /** Changes a membership in a room that this server is in. */
  async #changeHere(request: MembershipRequest, given: JsonObject, endsAccount: boolean): Promise<EventId> {
    const { roomId, sender, target, membership, transaction, originServerTs } = request
    const guest = membership === 'join' && (await this.#options.accounts.isGuest(target))
    let follower: UpgradeFollower | undefined
    const change = async (turn: RoomTurn): Promise<EventId> => {
      if (guest) await checkGuestAccess(turn)
      const current = await turn.state('m.room.member', target)
      if (membership === 'leave' && sender === target && !endsAccount) this.#mindNotice(current)
      const voucher = membership === 'join' ? await this.#voucher(turn, target) : undefined
      const content: JsonObject = {
        ...given,
        ...(voucher === undefined ? {} : { join_authorised_via_users_server: voucher }),
      }
      if (current !== undefined && current.sender === sender && isRepeat(current.content, content, membership))
        return current.eventId
      const added = await turn.add({
        ...{ type: 'm.room.member', sender, stateKey: target, content, transaction, originServerTs },
      })
      const user = takenBackBy({ type: 'm.room.member', stateKey: target, sender }, content)
      if (user !== undefined) await redactOnRemoval(turn, { sender, user, by: added }, this.#options)
      const isNew = membership === 'join' && current?.content.membership !== 'join'
      follower = isNew ? await this.#options.successors.joining(turn, target) : undefined
      return added
    }
    try {
      const eventId = await this.#options.rooms.turn(roomId, change)
      if (follower !== undefined) await this.#options.successors.carry(follower)
      return eventId
    } catch (error) {
      if (!(error instanceof MatrixError) || error.errcode !== 'M_UNABLE_TO_GRANT_JOIN') throw error
      const through = await this.#options.otherServers.joinThrough(request, given)
      if (through === undefined) throw error
      return this.#followed(request, through)
    }
  }

  /** After a join by another server: what is to follow into the room does. */
  async #followed({ membership, roomId, target }: MembershipRequest, eventId: EventId): Promise<EventId> {
    if (membership !== 'join') return eventId
    const { rooms, successors } = this.#options
    const follower = await rooms.turn(roomId, (turn) => successors.joining(turn, target))
    if (follower !== undefined) await successors.carry(follower)
    return eventId
  }

  /** "The client must not expect to be able to reject an invite to join the server notices room." */
  #mindNotice(current: RoomEvent | undefined): void {
    if (current?.content.membership !== 'invite' || !this.#options.accounts.speaksForServer(current.sender)) return
    throw new MatrixError('M_CANNOT_LEAVE_SERVER_NOTICE_ROOM', 'An invite of the server itself cannot be declined')
  }

  /** Removes a user who is joined, invited or knocking. Throws `M_FORBIDDEN` for others (as Synapse does). */
  async kick(request: Omit<MembershipRequest, 'membership'>): Promise<EventId> {
    const current = await this.#membershipOfTarget(request)
    if (current !== 'join' && current !== 'invite' && current !== 'knock')
      throw new MatrixError('M_FORBIDDEN', 'The user is not in the room')
    return this.change({ ...request, membership: 'leave' })
  }

  async unban(request: Omit<MembershipRequest, 'membership'>): Promise<EventId> {
    const current = await this.#membershipOfTarget(request)
    if (current !== 'ban') throw new MatrixError('M_BAD_STATE', 'The user is not banned', { status: 403 })
    return this.change({ ...request, membership: 'leave' })
  }

  /** Forgets a room that the user has left (section "Leaving rooms"). Throws `M_UNKNOWN` while they are still in it. */
  async forget(roomId: RoomId, userId: UserId): Promise<void> {
    const record = await this.#options.reader.roomByRoomId(roomId)
    const member = record === undefined ? undefined : await this.#options.reader.membership(record.room, userId)
    if (record === undefined || member === undefined)
      throw new MatrixError('M_NOT_FOUND', 'You were never in that room')
    if (member.membership === 'join' || member.membership === 'invite' || member.membership === 'knock')
      throw new MatrixError('M_UNKNOWN', 'You are still in that room', { status: 400 })
    const { writer, commit } = this.#options.writing
    await commit([writer.forget(record.room, userId)])
  }

  /** Leaves all rooms of a deactivated account, and refuses its invites. Rooms that refuse are passed over. */
  async leaveAll(userId: UserId): Promise<void> {
    for (const { roomId, membership } of await this.#options.reader.roomsOfUser(userId)) {
      if (membership !== 'join' && membership !== 'invite' && membership !== 'knock') continue
      await unlessRefused(this.change({ roomId, sender: userId, target: userId, membership: 'leave' }, true))
    }
  }

  /**
   * Writes a field of a changed profile, as it is in the room's turn, or both, into one room that the user is joined to (section "Profiles"). The other field stays: it may
   * be for this room alone. The room may refuse.
   */
  async updateProfile(userId: UserId, roomId: RoomId, field: MemberField | undefined): Promise<void> {
    const updated = this.#options.rooms.turn(roomId, async (turn) => {
      const profile = await this.#options.accounts.profileOf(userId)
      const current = await turn.state('m.room.member', userId)
      if (current?.content.membership !== 'join') return
      const shown = MEMBER_FIELDS.flatMap((name) => {
        const from: JsonObject = field === undefined || field === name ? { ...profile } : current.content
        return from[name] === undefined ? [] : [[name, from[name]]]
      })
      const content = { ...lastingContent(current.content), ...Object.fromEntries(shown) }
      if (sameContent(current.content, content)) return
      await turn.add({ type: 'm.room.member', sender: userId, stateKey: userId, content })
    })
    await unlessRefused(updated)
  }

  /** Removes the guests of a room whose `m.room.guest_access` no longer allows them (module "Guest access"). */
  async removeGuests(roomId: RoomId): Promise<void> {
    const record = await this.#options.reader.roomByRoomId(roomId)
    if (record === undefined) return
    const access = await this.#options.reader.stateEvent(record.room, 'current', 'm.room.guest_access', '')
    if (access !== undefined && JSON.parse(access.json).content?.guest_access === 'can_join') return
    let asked = 0
    for (const { userId } of await this.#options.reader.members(record.room, ['join', 'invite'])) {
      if (++asked % ASKED_A_SLICE === 0) await yieldToEventLoop(this.#options.clock)
      if (serverOf(userId) !== this.#options.serverName || !(await this.#options.accounts.isGuest(userId))) continue
      await this.change({ roomId, sender: userId, target: userId, membership: 'leave' })
    }
  }

  /** The membership of the target. A sender who is not in the room must not learn it and always gets the same refusal. */
  async #membershipOfTarget({
    roomId,
    sender,
    target,
  }: Omit<MembershipRequest, 'membership'>): Promise<Membership | undefined> {
    const { reader } = this.#options
    const record = await reader.roomByRoomId(roomId)
    if (record === undefined) throw new UnknownRoom()
    if ((await reader.membership(record.room, sender))?.membership !== 'join') throw new UnknownRoom().hidden()
    return (await reader.membership(record.room, target))?.membership
  }

  async #profileFor(membership: Membership, target: UserId, given: JsonObject): Promise<MemberProfile> {
    const shown = membership === 'join' || membership === 'invite' || membership === 'knock'
    if (!shown || 'displayname' in given || 'avatar_url' in given) return {}
    return serverOf(target) === this.#options.serverName ? this.#options.accounts.profileOf(target) : {}
  }

  async #voucher(turn: RoomTurn, target: UserId): Promise<UserId | undefined> {
    const current = await turn.membership(target)
    if (current === 'join' || current === 'invite') return undefined
    return authoriseRestrictedJoin(turn, target, this.#options)
  }
}

/** Ignores a refusal by a room's rules, but no other error. */
const unlessRefused = async (change: Promise<unknown>): Promise<void> => {
  try {
    await change
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error
  }
}

/**
 * Checks that a user may be invited; users of other servers are checked there. Throws `M_INVALID_PARAM` for a text that is no user ID, `M_NOT_FOUND`,
 * `M_INVITE_BLOCKED`.
 */
export const checkInvitee = async (
  accounts: MemberAccounts,
  serverName: ServerName,
  sender: UserId,
  target: UserId,
): Promise<void> => {
  if (parseUserId(target) === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a user ID')
  if (serverOf(target) !== serverName) return
  if (!(await accounts.exists(target))) throw new MatrixError('M_NOT_FOUND', 'No such user')
  if (await accounts.refusesInvite(target, sender))
    throw new MatrixError('M_INVITE_BLOCKED', 'The user does not take this invite')
}

/** The content that outlives a change of profile: a reason, and who vouched for a restricted join, were said of that one change of membership. */
const lastingContent = (content: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(content).filter(([name]) => !OF_ONE_CHANGE.has(name)))

const OF_ONE_CHANGE: ReadonlySet<string> = new Set([
  'displayname',
  'avatar_url',
  'reason',
  'join_authorised_via_users_server',
])

/** Whether the wanted membership is in force already, so that no second event is needed. A different `reason` does not make a join different. */
const isRepeat = (current: JsonObject, wanted: JsonObject, membership: Membership): boolean => {
  if (current.membership !== membership) return false
  if (membership !== 'join') return membership === 'leave' || sameContent(current, wanted)
  const { reason: _, join_authorised_via_users_server: __, ...before } = current
  const { reason: ___, join_authorised_via_users_server: ____, ...after } = wanted
  return sameContent(before, after)
}

const checkGuestAccess = async (turn: RoomTurn): Promise<void> => {
  const access = await turn.state('m.room.guest_access')
  if (access?.content.guest_access !== 'can_join')
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests may not join this room')
}
