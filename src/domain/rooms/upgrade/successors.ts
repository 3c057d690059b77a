import type { RoomId, UserId } from '#spec'
import type {
  Commit,
  MembersReader,
  RoomRecord,
  RoomRecordsReader,
  RoomStateReader,
  RoomUpgradesWriter,
  UpgradeFollower,
} from '#store'
import type { RoomTurn } from '../turns/turn.ts'
import { predecessorIn, replacementIn } from './contents.ts'
import { contentOf } from './copied-state.ts'

/** Copies the personal settings that a user has for a room to the room that replaced it. */
export interface UpgradeFollowers {
  /** Does not throw: what fails is tried again later, from the note in the database. */
  carry(follower: UpgradeFollower): Promise<void>
}

export interface SuccessorsParts {
  readonly reader: MembersReader & RoomRecordsReader & RoomStateReader
  readonly writer: RoomUpgradesWriter
  readonly commit: Commit
  readonly followers: UpgradeFollowers
}

/** Members of both rooms whose settings follow when a tombstone is sent by hand; who joins later is noticed then. */
const MAX_MEMBERS = 1_000

/** Notices who goes from a room to its successor: one names the other in its create event, and is named in the other's tombstone. */
export class Successors {
  readonly #parts: SuccessorsParts

  constructor(parts: SuccessorsParts) {
    this.#parts = parts
  }

  /** Notes, in the turn of a join, that the user's settings are to follow. undefined: the room replaced none in which the user was. */
  async joining(turn: RoomTurn, userId: UserId): Promise<UpgradeFollower | undefined> {
    const { reader, writer } = this.#parts
    const create = await turn.state('m.room.create')
    const from = create === undefined ? undefined : predecessorIn(create.content)
    const old = from === undefined ? undefined : await reader.roomByRoomId(from)
    if (old === undefined || (await this.#replacement(old)) !== turn.roomId) return undefined
    if ((await reader.membership(old.room, userId)) === undefined) return undefined
    const follower = { userId, from: old.roomId, to: turn.roomId }
    turn.also(writer.follow(follower))
    return follower
  }

  carry(follower: UpgradeFollower): Promise<void> {
    return this.#parts.followers.carry(follower)
  }

  /** Lets the settings of those follow who were in the new room before the old one got its tombstone, as in an upgrade by hand. */
  async replaced(roomId: RoomId): Promise<void> {
    const { reader, writer, commit } = this.#parts
    const old = await reader.roomByRoomId(roomId)
    const to = old === undefined ? undefined : await this.#replacement(old)
    const replacement = to === undefined ? undefined : await reader.roomByRoomId(to)
    if (old === undefined || replacement === undefined) return
    const create = await reader.stateEvent(replacement.room, 'current', 'm.room.create', '')
    if (create === undefined || predecessorIn(contentOf(create.json)) !== roomId) return
    for (const { userId } of await reader.firstMembers(replacement.room, ['join'], MAX_MEMBERS, '' as UserId)) {
      if ((await reader.membership(old.room, userId)) === undefined) continue
      const follower = { userId, from: roomId, to: replacement.roomId }
      await commit([writer.follow(follower)])
      await this.carry(follower)
    }
  }

  async #replacement({ room }: RoomRecord): Promise<RoomId | undefined> {
    const tombstone = await this.#parts.reader.stateEvent(room, 'current', 'm.room.tombstone', '')
    return tombstone === undefined ? undefined : replacementIn(contentOf(tombstone.json))
  }
}
