import { isJsonObject, type JsonObject, type JsonValue, MatrixError, objectAt, type RoomId } from '#spec'
import type { AccountDataReader, AccountDataWriter, Commit, QueuedChanges, RoomNumber, UserNumber } from '#store'
import { MAX_CONTENT_BYTES, tooLarge } from './account-data.ts'
import { type RoomNumbers, roomNumber } from './room-numbers.ts'

const TAG_TYPE = 'm.tag'
/** "The name of a tag MUST NOT exceed 255 bytes." */
const MAX_TAG_BYTES = 255

export interface TagsParts {
  readonly reader: AccountDataReader
  readonly writer: AccountDataWriter
  readonly commit: Commit
  readonly rooms: RoomNumbers
  /** By user, shared by all that writes account data. */
  readonly changes: QueuedChanges<UserNumber>
}

type TagMap = Map<string, JsonValue>

/** Room tags (module "Room Tagging"): one entry of account data that is changed a tag at a time. */
export class Tags {
  readonly #reader: AccountDataReader
  readonly #writer: AccountDataWriter
  readonly #commit: Commit
  readonly #rooms: RoomNumbers
  readonly #changes: QueuedChanges<UserNumber>

  constructor({ reader, writer, commit, rooms, changes }: TagsParts) {
    this.#reader = reader
    this.#writer = writer
    this.#commit = commit
    this.#rooms = rooms
    this.#changes = changes
  }

  /** `{}` for a room without tags, known or not. */
  async list(user: UserNumber, roomId: RoomId): Promise<JsonObject> {
    const room = (await this.#rooms.roomByRoomId(roomId))?.room
    const entry = room === undefined ? undefined : await this.#reader.inRoom(user, room, TAG_TYPE)
    return Object.fromEntries(tagsOf(entry?.contentJson))
  }

  /** Throws `M_INVALID_PARAM` for a name that is too long, `M_BAD_JSON` for an order outside 0 to 1, `M_NOT_FOUND`, `M_TOO_LARGE`. */
  async set(user: UserNumber, roomId: RoomId, tag: string, content: JsonObject): Promise<void> {
    if (tag === '' || !tag.isWellFormed() || Buffer.byteLength(tag) > MAX_TAG_BYTES) {
      throw new MatrixError('M_INVALID_PARAM', 'Not a name of a tag')
    }
    const order = Object.hasOwn(content, 'order') ? content.order : undefined
    if (order !== undefined && !(typeof order === 'number' && order >= 0 && order <= 1)) {
      throw new MatrixError('M_BAD_JSON', 'order must be a number between 0 and 1')
    }
    await this.#change(user, await roomNumber(this.#rooms, roomId), (tags) => {
      tags.set(tag, content)
      return true
    })
  }

  /** Removes a tag, if it exists. */
  async remove(user: UserNumber, roomId: RoomId, tag: string): Promise<void> {
    const room = (await this.#rooms.roomByRoomId(roomId))?.room
    if (room !== undefined) await this.#change(user, room, (tags) => tags.delete(tag))
  }

  async #change(user: UserNumber, room: RoomNumber, change: (tags: TagMap) => boolean): Promise<void> {
    await this.#changes.run(user, async () => {
      const entry = await this.#reader.inRoom(user, room, TAG_TYPE)
      const tags = tagsOf(entry?.contentJson)
      if (!change(tags)) return
      const contentJson = JSON.stringify({ tags: Object.fromEntries(tags) })
      if (Buffer.byteLength(contentJson) > MAX_CONTENT_BYTES) throw tooLarge('There are too many tags')
      await this.#commit([this.#writer.replace({ user, room, type: TAG_TYPE, contentJson }, entry?.position ?? 0)])
    })
  }
}

/** Clients may also write `m.tag` as plain account data, so it can hold anything. */
const tagsOf = (contentJson: string | undefined): TagMap => {
  const content: unknown = contentJson === undefined ? undefined : JSON.parse(contentJson)
  const tags = isJsonObject(content) ? objectAt(content, 'tags') : undefined
  return new Map(Object.entries(tags ?? {}).filter((tag): tag is [string, JsonObject] => isJsonObject(tag[1])))
}
