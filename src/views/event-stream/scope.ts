import { MatrixError, type Pdu, type RoomId, stringAt, type UserId } from '#spec'
import type { RoomNumber, RoomsReader, StoredEvent } from '#store'
import type { RoomViewer } from '../timeline-request.ts'
import type { RoomsOfUser, UserRooms } from '../user-rooms.ts'
import type { IgnoredUsers, RoomEyes, Visibility } from '../visibility.ts'

/** Which rooms an event stream is of. */
export interface StreamScope {
  readonly rooms: RoomsOfUser
  /** Rooms whose typing, receipts and presence are shown. */
  readonly present: readonly RoomNumber[]
  /** A room that the reader is not in, and looks into because it is `world_readable`. */
  readonly peeked: RoomNumber | undefined
  readonly ignored: ReadonlySet<UserId>
}

export interface ScopeParts {
  readonly reader: RoomsReader
  readonly userRooms: UserRooms
  readonly visibility: Visibility
  readonly ignored: IgnoredUsers
}

/** All rooms of the user, or the one that was asked for. Throws `M_FORBIDDEN` for one that the user may not read now. */
export const scopeOf = async (
  viewer: RoomViewer,
  roomId: RoomId | undefined,
  { reader, userRooms, visibility, ignored: people }: ScopeParts,
): Promise<StreamScope> => {
  const ignored = await people.ignoredBy(viewer.user)
  const all = await userRooms.of(viewer)
  if (roomId === undefined) {
    const present = [...all.values()].flatMap(({ room, membership }) => (membership === 'join' ? [room] : []))
    return { rooms: all, present, peeked: undefined, ignored }
  }
  const { record, membership } = await visibility.access(roomId, viewer.userId)
  const { room } = record
  if (membership !== 'join' && !(await visibility.isWorldReadable(room)))
    throw new MatrixError('M_FORBIDDEN', 'You are not in this room')
  const member = await reader.membership(room, viewer.userId)
  const position = member?.position ?? 0
  const rooms = new Map([[room, { room, roomId, membership: membership ?? 'leave', position, forgotten: false }]])
  if (membership === 'join') return { rooms, present: [room], peeked: undefined, ignored }
  // Who only looks in sees who is there as well where anybody may come in, and so could see it anyway ("Presence", "Security considerations").
  const isOpen = membership !== 'ban' && (await visibility.isPublic(room))
  return { rooms, present: isOpen ? [room] : [], peeked: room, ignored }
}

/** What of the rooms' events the reader is shown, asked for one answer. */
export class StreamSight {
  readonly #viewer: RoomViewer
  readonly #scope: StreamScope
  readonly #visibility: Visibility
  readonly #after: number
  readonly #eyes = new Map<RoomNumber, RoomEyes>()

  /** `after`: position at which the answer begins. */
  constructor(viewer: RoomViewer, scope: StreamScope, visibility: Visibility, after: number) {
    this.#viewer = viewer
    this.#scope = scope
    this.#visibility = visibility
    this.#after = after
  }

  /** What happens while the reader is in the room, and what happens to their own membership: invites, being removed. */
  shows(event: StoredEvent): boolean | Promise<boolean> {
    const standing = this.#scope.rooms.get(event.room)
    if (standing === undefined) return false
    if (standing.membership === 'join' && standing.position <= this.#after)
      return event.stateKey !== undefined || !this.#scope.ignored.has(event.sender)
    return this.#showsByEyes(event)
  }

  async #showsByEyes(event: StoredEvent): Promise<boolean> {
    const eyes = await this.#eyesOf(event.room)
    if (this.#scope.peeked === event.room) return eyes.mayShow(event)
    if (event.type === 'm.room.member' && event.stateKey === this.#viewer.userId)
      return !(isInvite(event) && this.#scope.ignored.has(event.sender))
    // Who made a room was not in it yet when it began.
    if (event.sender === this.#viewer.userId) return true
    return eyes.membershipAt(event) === 'join' && eyes.mayShow(event)
  }

  async #eyesOf(room: RoomNumber): Promise<RoomEyes> {
    const known = this.#eyes.get(room)
    if (known !== undefined) return known
    const eyes = await this.#visibility.eyes(room, this.#viewer)
    this.#eyes.set(room, eyes)
    return eyes
  }
}

export const isInvite = (event: StoredEvent): boolean => membershipIn(event) === 'invite'

export const membershipIn = (event: StoredEvent): string | undefined =>
  event.type === 'm.room.member' ? stringAt((JSON.parse(event.json) as Pdu).content, 'membership') : undefined
