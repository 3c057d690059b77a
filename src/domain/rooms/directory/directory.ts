import { powerLevelsOf } from '#rules'
import {
  type JsonObject,
  MatrixError,
  type RoomAlias,
  type RoomId,
  type ServerName,
  serverOf,
  type UserId,
} from '#spec'
import {
  type AliasesReader,
  type Commit,
  type MembersReader,
  type RoomNumber,
  type RoomRecordsReader,
  type RoomsWriter,
  WriteConflict,
} from '#store'
import type { BlockedRooms } from '../guards/blocked-rooms.ts'
import type { Rooms } from '../turns/rooms.ts'
import type { RoomTurn } from '../turns/turn.ts'

/** The say of application services about aliases. */
export interface AliasNamespaces {
  /** `service`: the one that asks; undefined for people. Throws `M_EXCLUSIVE`. */
  assertMayName(alias: RoomAlias, service: string | undefined): void
  /** Whether the room of an alias that is not there was made now. */
  make(alias: RoomAlias): Promise<boolean>
  /** Called when a room got or lost an alias. */
  changed(room: RoomNumber): void
}

export interface DirectoryOptions {
  readonly namespaces: AliasNamespaces
  readonly rooms: Rooms
  readonly reader: AliasesReader & MembersReader & RoomRecordsReader
  readonly writer: RoomsWriter
  readonly commit: Commit
  readonly serverName: ServerName
  readonly blocked: Pick<BlockedRooms, 'mind'>
}

interface Asker {
  readonly userId: UserId
  readonly admin: boolean
  /** The application service that asks for the user. */
  readonly service?: string
}

/** `told`: put the change into `m.room.aliases`, as in 2015. A room that has that list already gets it updated anyway. */
interface AliasChange {
  readonly told: boolean
}

/** Aliases and the public directory (sections "Room aliases" and "Listing rooms"). */
export class Directory {
  readonly #options: DirectoryOptions

  constructor(options: DirectoryOptions) {
    this.#options = options
  }

  /** Throws `M_NOT_FOUND`. */
  async resolve(alias: RoomAlias): Promise<RoomId> {
    const { reader, namespaces } = this.#options
    let found = await reader.roomOfAlias(alias)
    if (found === undefined && (await namespaces.make(alias))) found = await reader.roomOfAlias(alias)
    if (found === undefined) throw new MatrixError('M_NOT_FOUND', `No room has the alias ${alias}`)
    return found.roomId
  }

  /** Adds an alias, for any member of the room. Throws `M_INVALID_PARAM` for other servers' aliases, 409 if the alias is taken. */
  async add(alias: RoomAlias, roomId: RoomId, asker: Asker, change: AliasChange): Promise<void> {
    if (serverOf(alias) !== this.#options.serverName || /\s/.test(alias))
      throw new MatrixError('M_INVALID_PARAM', 'Not an alias of this server')
    this.#options.namespaces.assertMayName(alias, asker.service)
    const room = await this.#roomNumber(roomId)
    // A service has full control over the aliases of its namespace, whatever rooms it is in.
    if (asker.service === undefined) await this.#needMember(room, asker)
    await this.#options.blocked.mind(roomId)
    try {
      await this.#options.commit([this.#options.writer.addAlias(alias, room, asker.userId)])
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
      throw new MatrixError('M_UNKNOWN', 'The alias is taken', { status: 409 })
    }
    this.#options.namespaces.changed(room)
    await this.#tell(roomId, room, asker.userId, change)
  }

  /** Removes an alias, for its creator, users who may set the canonical alias, and server administrators. */
  async remove(alias: RoomAlias, asker: Asker, change: AliasChange): Promise<void> {
    const found = await this.#options.reader.roomOfAlias(alias)
    if (found === undefined) throw new MatrixError('M_NOT_FOUND', `No room has the alias ${alias}`)
    if (!asker.admin) this.#options.namespaces.assertMayName(alias, asker.service)
    const powerful = await this.#mayName(found.roomId, asker.userId)
    // A service has full control over the aliases of its namespace.
    if (!asker.admin && asker.service === undefined && found.creator !== asker.userId && !powerful)
      throw new MatrixError('M_FORBIDDEN', 'The alias is not yours to remove')
    await this.#options.commit([this.#options.writer.removeAlias(alias)])
    this.#options.namespaces.changed(found.room)
    if (powerful) await this.#dropFromCanonical(alias, found.roomId, asker.userId)
    await this.#tell(found.roomId, await this.#roomNumber(found.roomId), asker.userId, change)
  }

  /** Shows or hides the room in the public directory, for users who may set the canonical alias, and server administrators. */
  async setPublished(roomId: RoomId, published: boolean, asker: Asker): Promise<void> {
    await this.#options.rooms.turn(roomId, async (turn) => {
      if (!asker.admin && !(await hasNamingPower(turn, asker.userId)))
        throw new MatrixError('M_FORBIDDEN', 'You may not change whether the room is listed')
      turn.publish(published)
    })
  }

  async #roomNumber(roomId: RoomId): Promise<RoomNumber> {
    const record = await this.#options.reader.roomByRoomId(roomId)
    if (record === undefined) throw new MatrixError('M_NOT_FOUND', 'Unknown room')
    return record.room
  }

  async #needMember(room: RoomNumber, asker: Asker): Promise<void> {
    const member = await this.#options.reader.membership(room, asker.userId)
    if (!asker.admin && member?.membership !== 'join') throw new MatrixError('M_FORBIDDEN', 'You are not in the room')
  }

  async #mayName(roomId: RoomId, userId: UserId): Promise<boolean> {
    return this.#options.rooms.turn(roomId, (turn) => hasNamingPower(turn, userId))
  }

  /**
   * Sets `m.room.aliases`, which is informational only ("Room aliases" of 2015), to the aliases of this server. A sender without the
   * power to do so is no error, as the alias itself is changed.
   */
  async #tell(roomId: RoomId, room: RoomNumber, sender: UserId, { told }: AliasChange): Promise<void> {
    const { rooms, reader, serverName: stateKey } = this.#options
    try {
      await rooms.turn(roomId, async (turn) => {
        if (!told && (await turn.state('m.room.aliases', stateKey)) === undefined) return
        const aliases = [...(await reader.aliasesOf(room))]
        await turn.add({ type: 'm.room.aliases', sender, stateKey, content: { aliases } })
      })
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
    }
  }

  /** Takes a removed alias out of `m.room.canonical_alias`. */
  async #dropFromCanonical(alias: RoomAlias, roomId: RoomId, userId: UserId): Promise<void> {
    await this.#options.rooms.turn(roomId, async (turn) => {
      const current = await turn.state('m.room.canonical_alias')
      if (current === undefined || !(await hasNamingPower(turn, userId))) return
      const { alias: main, alt_aliases: others, ...rest } = current.content
      const kept = Array.isArray(others) ? others.filter((other) => other !== alias) : []
      if (main !== alias && (!Array.isArray(others) || kept.length === others.length)) return
      const content: JsonObject = {
        ...rest,
        ...(main === alias || main === undefined ? {} : { alias: main }),
        ...(kept.length === 0 ? {} : { alt_aliases: kept }),
      }
      await turn.add({ type: 'm.room.canonical_alias', sender: userId, stateKey: '', content })
    })
  }
}

const hasNamingPower = async (turn: RoomTurn, userId: UserId): Promise<boolean> => {
  const create = await turn.state('m.room.create')
  if (create === undefined || (await turn.membership(userId)) !== 'join') return false
  const levels = powerLevelsOf(turn.version, create, await turn.state('m.room.power_levels'))
  return levels.ofUser(userId) >= levels.toSend('m.room.canonical_alias', true)
}

/**
 * Checks a new `m.room.canonical_alias`: every alias that is new in it must point to the room (section of that event).
 * Throws `M_INVALID_PARAM` for a text that is no alias, `M_BAD_ALIAS` for an alias that does not point to the room.
 */
export const checkCanonicalAlias = async (
  content: JsonObject,
  before: JsonObject,
  roomId: RoomId,
  reader: AliasesReader & MembersReader & RoomRecordsReader,
): Promise<void> => {
  const known = new Set(aliasesIn(before))
  for (const alias of aliasesIn(content)) {
    if (typeof alias !== 'string' || !/^#[^:]+:.+$/.test(alias))
      throw new MatrixError('M_INVALID_PARAM', 'Not a room alias')
    if (known.has(alias)) continue
    if ((await reader.roomOfAlias(alias))?.roomId !== roomId)
      throw new MatrixError('M_BAD_ALIAS', `${alias} does not point to this room`)
  }
}

const MAX_ALT_ALIASES = 100

/** Every alias that an `m.room.canonical_alias` names. Throws `M_INVALID_PARAM`. */
export const aliasesIn = (content: JsonObject): unknown[] => {
  const { alias, alt_aliases: others } = content
  if (others !== undefined && (!Array.isArray(others) || others.length > MAX_ALT_ALIASES))
    throw new MatrixError('M_INVALID_PARAM', 'alt_aliases must be a short list of aliases')
  return [...(alias === undefined || alias === null || alias === '' ? [] : [alias]), ...((others as unknown[]) ?? [])]
}
