import { type JsonObject, MatrixError, type RoomId } from '#spec'
import type {
  AccountDataEntry,
  AccountDataReader,
  AccountDataWriter,
  Commit,
  QueuedChanges,
  RoomNumber,
  UserNumber,
} from '#store'
import { type RoomNumbers, roomNumber } from './room-numbers.ts'

/** The specification sets no limits, but all account data is in every first sync. */
export const MAX_CONTENT_BYTES = 512 * 1024
const MAX_TYPE_BYTES = 255
const MAX_ENTRIES = 20_000
const MAX_TOTAL_BYTES = 64 * 1024 * 1024

export const PUSH_RULES = 'm.push_rules'
export const FULLY_READ = 'm.fully_read'
/** Types that clients can read, but set through other APIs only (client-server API, "Client Config"). */
const SERVER_TYPES: ReadonlySet<string> = new Set([FULLY_READ, PUSH_RULES])

export interface AccountDataParts {
  readonly reader: AccountDataReader
  readonly writer: AccountDataWriter
  readonly commit: Commit
  readonly rooms: RoomNumbers
  /** By user, shared by all that writes account data: the limits count all of it. */
  readonly changes: QueuedChanges<UserNumber>
}

/** Account data of users: JSON that the server stores and does not interpret. */
export class AccountData {
  readonly #reader: AccountDataReader
  readonly #writer: AccountDataWriter
  readonly #commit: Commit
  readonly #rooms: RoomNumbers
  readonly #changes: QueuedChanges<UserNumber>

  constructor({ reader, writer, commit, rooms, changes }: AccountDataParts) {
    this.#reader = reader
    this.#writer = writer
    this.#commit = commit
    this.#rooms = rooms
    this.#changes = changes
  }

  /** The content as JSON text. Throws `M_NOT_FOUND`, for data that was removed too. `m.push_rules` is answered by `PushRules`. */
  async get(user: UserNumber, roomId: RoomId | undefined, type: string): Promise<string> {
    if (!isType(type)) throw notFound()
    if (roomId === undefined) return contentOf(await this.#reader.global(user, type))
    const room = (await this.#rooms.roomByRoomId(roomId))?.room
    if (room === undefined) throw notFound()
    return contentOf(await this.#reader.inRoom(user, room, type))
  }

  /** Throws `M_BAD_JSON` with 405 for types of the server's, `M_INVALID_PARAM`, `M_TOO_LARGE`, `M_NOT_FOUND` for no such room. */
  async put(user: UserNumber, roomId: RoomId | undefined, type: string, content: JsonObject): Promise<void> {
    if (SERVER_TYPES.has(type)) {
      throw new MatrixError('M_BAD_JSON', `Cannot set ${type} through this API`, { status: 405 })
    }
    if (!isType(type)) throw new MatrixError('M_INVALID_PARAM', 'Not a type of account data')
    const room = roomId === undefined ? undefined : await roomNumber(this.#rooms, roomId)
    const contentJson = JSON.stringify(content)
    await this.#changes.run(user, async () => {
      await this.#mindLimits(user, room, type, contentJson)
      await this.#commit([this.#writer.put({ user, room, type, contentJson })])
    })
  }

  /**
   * Removes an entry (MSC3391): it is left with an empty content, which other clients are told and new ones are not. There need be no such entry. Throws
   * as `put` does.
   */
  async remove(user: UserNumber, roomId: RoomId | undefined, type: string): Promise<void> {
    const room = roomId === undefined || !isType(type) ? undefined : (await this.#rooms.roomByRoomId(roomId))?.room
    const isKnown = isType(type) && (roomId === undefined || room !== undefined)
    const entry = !isKnown
      ? undefined
      : await (room === undefined ? this.#reader.global(user, type) : this.#reader.inRoom(user, room, type))
    if (!SERVER_TYPES.has(type) && (entry === undefined || entry.contentJson === REMOVED)) return
    await this.put(user, roomId, type, {})
  }

  async #mindLimits(user: UserNumber, room: RoomNumber | undefined, type: string, contentJson: string): Promise<void> {
    if (Buffer.byteLength(contentJson) > MAX_CONTENT_BYTES) throw tooLarge('This account data is too large')
    const [usage, before] = await Promise.all([
      this.#reader.usage(user),
      room === undefined ? this.#reader.global(user, type) : this.#reader.inRoom(user, room, type),
    ])
    const added = contentJson.length - (before?.contentJson.length ?? 0)
    const entries = usage.entries + (before === undefined ? 1 : 0)
    // A user over a limit may still make things smaller.
    if (added > 0 && (entries > MAX_ENTRIES || usage.sizeBytes + added > MAX_TOTAL_BYTES)) {
      throw new MatrixError('M_USER_LIMIT_EXCEEDED', 'You have as much account data as one user may have')
    }
  }
}

const isType = (type: string): boolean =>
  type !== '' && !type.includes('\0') && type.isWellFormed() && Buffer.byteLength(type) <= MAX_TYPE_BYTES

/** The text of an empty content. */
const REMOVED = '{}'

const contentOf = (entry: AccountDataEntry | undefined): string =>
  entry === undefined || entry.contentJson === REMOVED ? absent() : entry.contentJson

const notFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'Account data not found')
const absent = (): never => {
  throw notFound()
}
export const tooLarge = (message: string): MatrixError => new MatrixError('M_TOO_LARGE', message)
