import { type Clock, yieldToEventLoop } from '#base'
import { compileEventFilter, type EventMatcher } from '#rules'
import { MatrixError, objectAt, type Pdu, parseRoomId, type RoomEventFilter, type RoomId, stringAt } from '#spec'
import type { MembershipRecord, MessageIndexReader, RoomNumber, RoomsReader } from '#store'
import type { RoomViewer } from '../events/viewer.ts'
import type { UserRooms } from '../known/user-rooms.ts'
import type { Visibility } from '../known/visibility.ts'

export interface SearchScopesParts {
  readonly reader: RoomsReader
  readonly index: Pick<MessageIndexReader, 'encryptedAmong'>
  readonly userRooms: UserRooms
  readonly visibility: Visibility
  readonly clock: Clock
}

/** The rooms that one search looks at. */
export interface SearchScope {
  readonly rooms: ReadonlyMap<RoomNumber, RoomId>
  /** The rooms that the user is in now, and may read to their end. */
  readonly joined: ReadonlySet<RoomNumber>
  /** The filter, which lets the older versions of the rooms that it names pass too. */
  readonly matcher: EventMatcher
}

/** Older versions of rooms that one search follows. */
const MAX_PREDECESSORS = 1_000
const AT_ONCE = 20

/**
 * Finds the rooms of a search: all in which the user is or was, but those that are forgotten or encrypted. A filter that names a room also
 * means the rooms that it was upgraded from.
 */
export class SearchScopes {
  readonly #parts: SearchScopesParts

  constructor(parts: SearchScopesParts) {
    this.#parts = parts
  }

  async of(filter: RoomEventFilter, viewer: RoomViewer): Promise<SearchScope> {
    const { userRooms, index } = this.#parts
    const own = await userRooms.of(viewer)
    const older = filter.rooms === undefined ? new Map<RoomId, RoomNumber>() : await this.#olderVersions(filter.rooms)
    const matcher = compileEventFilter(
      older.size === 0 ? filter : { ...filter, rooms: [...(filter.rooms ?? []), ...older.keys()] },
    )
    const rooms = new Map<RoomNumber, RoomId>()
    const joined = new Set<RoomNumber>()
    for (const record of own.values()) {
      if (!wasIn(record) || !matcher.room(record.roomId)) continue
      rooms.set(record.room, record.roomId)
      if (record.membership === 'join') joined.add(record.room)
    }
    for (const [roomId, room] of older)
      if (!own.has(room) && matcher.room(roomId) && (await this.#mayRead(roomId, viewer))) rooms.set(room, roomId)
    if (rooms.size === 0) return { rooms, joined, matcher }
    for (const encrypted of await index.encryptedAmong([...rooms.keys()])) rooms.delete(encrypted)
    return { rooms, joined, matcher }
  }

  async #olderVersions(named: readonly string[]): Promise<ReadonlyMap<RoomId, RoomNumber>> {
    const { reader, clock } = this.#parts
    const older = new Map<RoomId, RoomNumber>()
    const seen = new Set(named)
    const waiting = [...named]
    for (let looked = 0; waiting.length > 0 && looked < MAX_PREDECESSORS; looked++) {
      if (looked % AT_ONCE === AT_ONCE - 1) await yieldToEventLoop(clock)
      const room = (await reader.roomByRoomId(waiting.shift() as RoomId))?.room
      const predecessor = room === undefined ? undefined : await this.#predecessor(room)
      if (predecessor === undefined || seen.has(predecessor)) continue
      seen.add(predecessor)
      const number = (await reader.roomByRoomId(predecessor))?.room
      if (number === undefined) continue
      older.set(predecessor, number)
      waiting.push(predecessor)
    }
    return older
  }

  async #predecessor(room: RoomNumber): Promise<RoomId | undefined> {
    const create = await this.#parts.reader.stateEvent(room, 'current', 'm.room.create', '')
    if (create === undefined) return undefined
    const { content } = JSON.parse(create.json) as Pdu
    const roomId = stringAt(objectAt(content, 'predecessor') ?? {}, 'room_id')
    return roomId === undefined ? undefined : parseRoomId(roomId)
  }

  async #mayRead(roomId: RoomId, { userId }: RoomViewer): Promise<boolean> {
    try {
      await this.#parts.visibility.access(roomId, userId)
      return true
    } catch (error) {
      if (error instanceof MatrixError && error.errcode === 'M_FORBIDDEN') return false
      throw error
    }
  }
}

const wasIn = ({ membership, forgotten }: MembershipRecord): boolean =>
  membership === 'join' || ((membership === 'leave' || membership === 'ban') && !forgotten)
