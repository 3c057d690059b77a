import {
  type EventId,
  type JsonObject,
  MatrixError,
  parseServerName,
  type RoomId,
  type ServerName,
  serverOf,
} from '#spec'
import type { EventsReader, MembersReader, RoomRecord, RoomStateReader } from '#store'
import type { MemberAccounts, MembershipRequest, OtherServers } from '../memberships/memberships.ts'
import type { Elsewhere } from './elsewhere.ts'
import type { InvitesOut } from './invites-out.ts'
import type { OutsideRooms } from './outside-rooms.ts'
import type { Residency } from './residency.ts'

export interface RemoteMembershipsParts {
  readonly residency: Residency
  readonly elsewhere: Pick<Elsewhere, 'join' | 'send'>
  readonly outside: OutsideRooms
  readonly invites: Pick<InvitesOut, 'invite'>
  readonly reader: MembersReader & RoomStateReader & EventsReader
  readonly accounts: Pick<MemberAccounts, 'isGuest' | 'speaksForServer'>
  readonly serverName: ServerName
  readonly wholeRooms: { isPartial(roomId: RoomId): Promise<boolean>; whole(roomId: RoomId): Promise<void> }
}

/** Decides which changes of memberships go to other servers, and to which. */
export class RemoteMemberships implements OtherServers {
  readonly #parts: RemoteMembershipsParts

  constructor(parts: RemoteMembershipsParts) {
    this.#parts = parts
  }

  async change(request: MembershipRequest, content: JsonObject): Promise<EventId | undefined> {
    const { membership, sender, target } = request
    await this.#known(request)
    if (membership === 'invite')
      return serverOf(target) === this.#parts.serverName ? undefined : this.#parts.invites.invite(request, content)
    if (membership === 'ban' || sender !== target) return undefined
    const { place, record } = await this.#parts.residency.of(request.roomId)
    if (place === 'here') return undefined
    switch (membership) {
      case 'join':
        return this.#join(request, content, record)
      case 'knock':
        return this.#knock(request, content, record)
      case 'leave':
        return this.#leave(request, content, record)
    }
  }

  /** Waits for the members of a room that lacks them, where the one who is concerned is not known. */
  async #known({ roomId, target }: MembershipRequest): Promise<void> {
    const { reader, residency, wholeRooms } = this.#parts
    if (!(await wholeRooms.isPartial(roomId))) return
    const { record } = await residency.of(roomId)
    if (record !== undefined && (await reader.membership(record.room, target)) === undefined)
      await wholeRooms.whole(roomId)
  }

  async joinThrough(request: MembershipRequest, content: JsonObject): Promise<EventId | undefined> {
    const { residency, elsewhere } = this.#parts
    const { record } = await residency.of(request.roomId)
    const servers = await residency.others(record)
    if (servers.length === 0) return undefined
    return elsewhere.join({ roomId: request.roomId, userId: request.target, content, servers }, true)
  }

  async #join(request: MembershipRequest, content: JsonObject, record: RoomRecord | undefined) {
    const { elsewhere, accounts } = this.#parts
    if (await accounts.isGuest(request.target))
      throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests may not join rooms of other servers')
    const servers = await this.#serversFor(request, record)
    return elsewhere.join({ roomId: request.roomId, userId: request.target, content, servers })
  }

  async #knock(request: MembershipRequest, content: JsonObject, record: RoomRecord | undefined): Promise<EventId> {
    const { elsewhere, outside } = this.#parts
    const servers = await this.#serversFor(request, record)
    const taken = await elsewhere.send('knock', { roomId: request.roomId, userId: request.target, content, servers })
    await outside.knocked(taken)
    return taken.built.eventId
  }

  /** undefined: there is nothing to leave, which is for the room as it is known here to say. */
  async #leave(request: MembershipRequest, content: JsonObject, record: RoomRecord | undefined) {
    const { reader, outside, elsewhere, accounts } = this.#parts
    const { roomId, target } = request
    if (record === undefined) return undefined
    const own = await reader.stateEvent(record.room, 'current', 'm.room.member', target)
    const membership = own === undefined ? undefined : (await reader.membership(record.room, target))?.membership
    if (own === undefined || (membership !== 'invite' && membership !== 'knock')) return undefined
    if (accounts.speaksForServer(own.sender)) return undefined
    const servers = await this.#serversFor(request, record)
    try {
      const taken = await elsewhere.send('leave', { roomId, userId: target, content, servers })
      await outside.left(taken)
      return taken.built.eventId
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
      // A server that is gone must not keep an invite in front of somebody for ever.
      return outside.leftAlone(own, record, content)
    }
  }

  /** The servers to try: those that the client named, the one that invited, those that were in the room when this server last knew, and the one in the room's id. */
  async #serversFor({ servers = [], roomId, target }: MembershipRequest, record: RoomRecord | undefined) {
    const { reader, residency, outside } = this.#parts
    const own =
      record === undefined ? undefined : await reader.stateEvent(record.room, 'current', 'm.room.member', target)
    const told = own === undefined ? undefined : await outside.toldBy(own)
    const inviter = own === undefined ? [] : [serverOf(own.sender)]
    const named = serverNamedBy(roomId)
    return [
      ...servers,
      ...(told === undefined ? [] : [told]),
      ...inviter,
      ...(await residency.others(record)),
      ...(named === undefined ? [] : [named]),
    ]
  }
}

/** Room ids before version 12 name the server that made the room, which may be in it still. */
const serverNamedBy = (roomId: RoomId): ServerName | undefined => {
  const colon = roomId.indexOf(':')
  return colon === -1 ? undefined : parseServerName(roomId.slice(colon + 1))
}
