import { LISTED_STATE, listedState } from '#rules'
import {
  isJsonObject,
  type JsonObject,
  MatrixError,
  type Membership,
  type Pdu,
  parseRoomId,
  ROOM_VERSIONS,
  type RoomId,
  type ServerName,
  serverOf,
  stringAt,
  type UserId,
} from '#spec'
import type { MembersReader, RoomRecord, RoomRecordsReader, RoomServersReader, RoomStateReader } from '#store'

/** The same limit as for joins: what stands behind it lets nobody in. */
const MAX_ALLOWED_ROOMS = 100
const SUMMARY_STATE = [...LISTED_STATE, 'm.room.encryption']

export interface SummarisedRoom {
  readonly record: RoomRecord
  /** The membership of the user who asks; `leave` for one without any, undefined for nobody. */
  readonly membership: Membership | undefined
  /** `RoomSummary` of the specification. */
  readonly json: JsonObject
  readonly isSpace: boolean
}

export interface RoomSummariesParts {
  readonly reader: RoomRecordsReader & RoomStateReader & MembersReader & Pick<RoomServersReader, 'isServerIn'>
}

/** Rooms as they are described to users who are in them, may join them or may ask to: `/room_summary`, and the hierarchy of spaces. */
export class RoomSummaries {
  readonly #reader: RoomSummariesParts['reader']

  constructor({ reader }: RoomSummariesParts) {
    this.#reader = reader
  }

  /** `GET /room_summary`. Throws `M_NOT_FOUND`, the same for rooms that do not exist and for those that the user may not know of. */
  async summary(roomId: RoomId, userId: UserId | undefined): Promise<JsonObject> {
    const room = await this.find(roomId, userId)
    if (room === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such room that you may see')
    return room.membership === undefined ? room.json : { ...room.json, membership: room.membership }
  }

  /** undefined for a room that is unknown, and for one of which the user may not know. */
  async find(roomId: RoomId, userId: UserId | undefined): Promise<SummarisedRoom | undefined> {
    return this.#find(roomId, async ({ room }) => ({
      membership:
        userId === undefined ? undefined : ((await this.#reader.membership(room, userId))?.membership ?? 'leave'),
      isIn: async (other) =>
        userId !== undefined && (await this.#reader.membership(other.room, userId))?.membership === 'join',
    }))
  }

  /** As far as this server knows; `leave` where there is none. */
  async membershipIn(roomId: RoomId, userId: UserId): Promise<Membership> {
    const record = await this.#reader.roomByRoomId(roomId)
    return (record && (await this.#reader.membership(record.room, userId))?.membership) ?? 'leave'
  }

  /** Whether the user may know of a room of which another server told this one. Without a word on its join rule it is open. */
  async mayKnowElsewhere(roomId: RoomId, json: JsonObject, userId: UserId | undefined): Promise<boolean> {
    const { join_rule: joinRule = 'public', world_readable: readable, allowed_room_ids: allowed } = json
    if (readable === true || joinRule === 'public' || joinRule === 'knock' || joinRule === 'knock_restricted')
      return true
    if (userId === undefined) return false
    const own = await this.membershipIn(roomId, userId)
    if (own === 'join' || own === 'invite') return true
    const roomIds = Array.isArray(allowed)
      ? allowed.flatMap((id: unknown) => (isText(id) ? (parseRoomId(id) ?? []) : []))
      : []
    const isIn = async ({ room }: RoomRecord): Promise<boolean> =>
      (await this.#reader.membership(room, userId))?.membership === 'join'
    return joinRule === 'restricted' && this.#isInOneOf(roomIds.slice(0, MAX_ALLOWED_ROOMS), isIn)
  }

  /** The same for a server: it may know of a room if one of its users may. `membership` says whether any of them is in the room, or invited. */
  async findFor(server: ServerName, roomId: RoomId): Promise<SummarisedRoom | undefined> {
    return this.#find(roomId, async (record) => ({
      membership: await this.#membershipOf(server, record),
      isIn: (other) => this.#reader.isServerIn(other.room, server),
    }))
  }

  async #membershipOf(server: ServerName, { room, invitedCount }: RoomRecord): Promise<Membership> {
    if (await this.#reader.isServerIn(room, server)) return 'join'
    if (invitedCount === 0) return 'leave'
    const invited = await this.#reader.members(room, ['invite'])
    return invited.some(({ userId }) => serverOf(userId) === server) ? 'invite' : 'leave'
  }

  async #find(roomId: RoomId, askerIn: (record: RoomRecord) => Promise<Asker>): Promise<SummarisedRoom | undefined> {
    const record = await this.#reader.roomByRoomId(roomId)
    if (record === undefined) return undefined
    const events = await this.#reader.state(record.room, { at: 'current', types: SUMMARY_STATE, stateKeys: [''] })
    const contents = new Map(events.map(({ type, json }) => [type, (JSON.parse(json) as Pdu).content]))
    const content = (type: string): JsonObject => contents.get(type) ?? {}
    const { membership, isIn } = await askerIn(record)
    const { shown, roomType } = listedState(roomId, content)
    const allowed = allowedRooms(record, content('m.room.join_rules'))
    const may = { membership, shown, allowed, isIn }
    if (!(await this.#mayKnow(record, may))) return undefined
    return { record, membership, isSpace: roomType === 'm.space', json: summaryOf(record, content, shown, allowed) }
  }

  /** The rule of the hierarchy ("The server should return any rooms where at least one of the following conditions is true"). */
  async #mayKnow(record: RoomRecord, { membership, shown, allowed, isIn }: Knowing): Promise<boolean> {
    if (membership === 'join' || membership === 'invite' || shown.world_readable === true) return true
    if (membership === 'ban') return false
    const { knocking, knockRestrictedJoins } = authOf(record)
    if (shown.join_rule === 'public') return true
    if (shown.join_rule === 'knock' && knocking) return true
    if (shown.join_rule === 'knock_restricted' && knockRestrictedJoins) return true
    return this.#isInOneOf(allowed, isIn)
  }

  async #isInOneOf(roomIds: readonly RoomId[], isIn: Asker['isIn']): Promise<boolean> {
    for (const roomId of roomIds) {
      const record = await this.#reader.roomByRoomId(roomId)
      if (record !== undefined && (await isIn(record))) return true
    }
    return false
  }
}

const isText = (value: unknown): value is string => typeof value === 'string'

/** A user, or a server with all of its users. */
interface Asker {
  readonly membership: Membership | undefined
  isIn(record: RoomRecord): Promise<boolean>
}

interface Knowing extends Asker {
  readonly shown: JsonObject
  readonly allowed: readonly RoomId[]
}

const authOf = ({ version }: RoomRecord) =>
  ROOM_VERSIONS.get(version)?.auth ?? { knocking: false, restrictedJoins: false, knockRestrictedJoins: false }

/** The rooms whose members may join; empty where the room's version knows no such rule (section "Restricted rooms"). */
const allowedRooms = (record: RoomRecord, rules: JsonObject): readonly RoomId[] => {
  const { restrictedJoins, knockRestrictedJoins } = authOf(record)
  const isRestricted =
    (rules.join_rule === 'restricted' && restrictedJoins) ||
    (rules.join_rule === 'knock_restricted' && knockRestrictedJoins)
  if (!isRestricted || !Array.isArray(rules.allow)) return []
  return rules.allow.slice(0, MAX_ALLOWED_ROOMS).flatMap((condition: unknown) => {
    if (!isJsonObject(condition) || condition.type !== 'm.room_membership') return []
    return (typeof condition.room_id === 'string' ? parseRoomId(condition.room_id) : undefined) ?? []
  })
}

/** The one algorithm that the specification lets a summary name. */
const MEGOLM = 'm.megolm.v1.aes-sha2'

const summaryOf = (
  { version, joinedCount }: RoomRecord,
  content: (type: string) => JsonObject,
  shown: JsonObject,
  allowed: readonly RoomId[],
): JsonObject => ({
  ...shown,
  num_joined_members: joinedCount,
  room_version: version,
  ...(stringAt(content('m.room.encryption'), 'algorithm') === MEGOLM ? { encryption: MEGOLM } : {}),
  ...(allowed.length === 0 ? {} : { allowed_room_ids: allowed }),
})
