import { isJsonObject, type JsonObject, type JsonValue, type RoomId } from '#spec'
import type { AccountDataReader, AccountDataWriter, Commit, QueuedChanges, UserNumber } from '#store'
import { MAX_CONTENT_BYTES } from './account-data.ts'
import type { RoomNumbers } from './room-numbers.ts'

export interface UpgradedRoomsParts {
  readonly reader: AccountDataReader
  readonly writer: AccountDataWriter
  readonly commit: Commit
  readonly rooms: RoomNumbers
  /** By user, shared by all that writes account data. */
  readonly changes: QueuedChanges<UserNumber>
}

const TAGS = 'm.tag'
const DIRECT = 'm.direct'

/** Copies what a user has set for a room to the room that replaced it (module "Room upgrades"). Settings that the user has for the new room stay. */
export class UpgradedRooms {
  readonly #parts: UpgradedRoomsParts

  constructor(parts: UpgradedRoomsParts) {
    this.#parts = parts
  }

  async copyTags(user: UserNumber, from: RoomId, to: RoomId): Promise<void> {
    const { reader, writer, commit, rooms, changes } = this.#parts
    const [old, replacement] = [await rooms.roomByRoomId(from), await rooms.roomByRoomId(to)]
    if (old === undefined || replacement === undefined) return
    const { room } = replacement
    await changes.run(user, async () => {
      const tags = await reader.inRoom(user, old.room, TAGS)
      if (tags === undefined || (await reader.inRoom(user, room, TAGS)) !== undefined) return
      await commit([writer.replace({ user, room, type: TAGS, contentJson: tags.contentJson }, 0)])
    })
  }

  /** `m.direct` names the new room beside the old one, under everybody under whom it has that. */
  async addDirect(user: UserNumber, from: RoomId, to: RoomId): Promise<void> {
    const { reader, writer, commit, changes } = this.#parts
    await changes.run(user, async () => {
      const entry = await reader.global(user, DIRECT)
      const content: unknown = entry === undefined ? undefined : JSON.parse(entry.contentJson)
      if (entry === undefined || !isJsonObject(content)) return
      const after = withRoom(content, from, to)
      const contentJson = after === undefined ? undefined : JSON.stringify(after)
      if (contentJson === undefined || Buffer.byteLength(contentJson) > MAX_CONTENT_BYTES) return
      await commit([writer.replace({ user, room: undefined, type: DIRECT, contentJson }, entry.position)])
    })
  }
}

/** undefined: nothing to change. */
const withRoom = (content: JsonObject, from: RoomId, to: RoomId): JsonObject | undefined => {
  let changed = false
  const add = (rooms: JsonValue | undefined): JsonValue | undefined => {
    if (!Array.isArray(rooms) || !rooms.includes(from) || rooms.includes(to)) return rooms
    changed = true
    return [...rooms, to]
  }
  const after = Object.fromEntries(Object.entries(content).map(([userId, rooms]) => [userId, add(rooms)]))
  return changed ? after : undefined
}
