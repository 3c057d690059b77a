import { MatrixError, type Pdu, type RoomId, stringAt, type UserId } from '#spec'
import type { MembersReader, RoomNumber, StoredEvent } from '#store'
import type { RoomViewer } from '../events/viewer.ts'
import { type InvitesShown, isInviteShown } from '../known/invites-shown.ts'
import type { RoomVisibility } from '../known/room-visibility.ts'
import { joinedRooms, type RoomsOfUser, type UserRooms } from '../known/user-rooms.ts'
import type { IgnoredUsers, Visibility } from '../known/visibility.ts'

/** The rooms that one event stream covers. */
export interface StreamScope {
  readonly rooms: RoomsOfUser
  /** Rooms of which typing, receipts and presence are shown. */
  readonly present: readonly RoomNumber[]
  /** A `world_readable` room that the reader is no member of. */
  readonly peeked: RoomNumber | undefined
  readonly ignored: ReadonlySet<UserId>
  readonly invites: InvitesShown
}

export interface StreamScopesParts {
  readonly reader: MembersReader
  readonly userRooms: UserRooms
  readonly visibility: Visibility
  readonly ignored: IgnoredUsers
  readonly invites: InvitesShown
}

export class StreamScopes {
  readonly #parts: StreamScopesParts

  constructor(parts: StreamScopesParts) {
    this.#parts = parts
  }

  /** All rooms of the user, or the one asked for. Throws `M_FORBIDDEN` for a room that the user may not read now. */
  async of(viewer: RoomViewer, roomId: RoomId | undefined): Promise<StreamScope> {
    const { reader, userRooms, visibility, ignored: people, invites } = this.#parts
    const ignored = await people.ignoredBy(viewer.user)
    if (roomId === undefined) {
      const rooms = await userRooms.of(viewer)
      return { rooms, present: joinedRooms(rooms).map(({ room }) => room), peeked: undefined, ignored, invites }
    }
    const { record, membership } = await visibility.access(roomId, viewer.userId)
    const { room } = record
    if (membership !== 'join' && !(await visibility.isWorldReadable(room)))
      throw new MatrixError('M_FORBIDDEN', 'You are not in this room')
    const member = await reader.membership(room, viewer.userId)
    const position = member?.position ?? 0
    const rooms = new Map([[room, { room, roomId, membership: membership ?? 'leave', position, forgotten: false }]])
    if (membership === 'join') return { rooms, present: [room], peeked: undefined, ignored, invites }
    // In a room that anybody may join, readers outside see presence too: they could join to see it ("Presence", "Security considerations").
    const isOpen = membership !== 'ban' && (await visibility.isPublic(room))
    return { rooms, present: isOpen ? [room] : [], peeked: room, ignored, invites }
  }

  async joinedRooms(viewer: RoomViewer): Promise<readonly RoomNumber[]> {
    return joinedRooms(await this.#parts.userRooms.of(viewer)).map(({ room }) => room)
  }
}

interface StreamVisibilityParts {
  readonly viewer: RoomViewer
  readonly scope: StreamScope
  readonly visibility: Visibility
  /** Position at which the answer begins. */
  readonly after: number
}

/** Decides which of the rooms' events the reader is shown. Made for one answer. */
export class StreamVisibility {
  readonly #parts: StreamVisibilityParts
  readonly #ofRooms = new Map<RoomNumber, RoomVisibility>()

  constructor(parts: StreamVisibilityParts) {
    this.#parts = parts
  }

  /** Events during the reader's stay, and those about their own membership: invites, being removed. */
  shows(event: StoredEvent): boolean | Promise<boolean> {
    const { scope, after } = this.#parts
    const record = scope.rooms.get(event.room)
    if (record === undefined) return false
    if (record.membership === 'join' && record.position <= after)
      return event.stateKey !== undefined || !scope.ignored.has(event.sender)
    return this.#showsByVisibility(event)
  }

  async #showsByVisibility(event: StoredEvent): Promise<boolean> {
    const { scope, viewer } = this.#parts
    const visibility = await this.#inRoom(event.room)
    await visibility.learn([event])
    if (scope.peeked === event.room) return visibility.mayShow(event)
    if (event.type === 'm.room.member' && event.stateKey === viewer.userId)
      return !isInvite(event) || isInviteShown(scope.invites, viewer.user, event.sender)
    // The creator of a room is no member yet at its first event.
    if (event.sender === viewer.userId) return true
    return visibility.membershipAt(event) === 'join' && visibility.mayShow(event)
  }

  async #inRoom(room: RoomNumber): Promise<RoomVisibility> {
    const known = this.#ofRooms.get(room)
    if (known !== undefined) return known
    const visibility = await this.#parts.visibility.inRoom(room, this.#parts.viewer)
    this.#ofRooms.set(room, visibility)
    return visibility
  }
}

export const isInvite = (event: StoredEvent): boolean =>
  event.type === 'm.room.member' && stringAt((JSON.parse(event.json) as Pdu).content, 'membership') === 'invite'
