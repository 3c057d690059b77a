import { creatorsOf, toRoomEvent } from '#rules'
import { isJsonObject, type JsonObject, type Pdu, ROOM_VERSIONS, stringAt, type UserId } from '#spec'
import type { RoomNumber, RoomStateReader, StoredEvent } from '#store'

/** Users whose power is above all levels, by room; only in room versions where `m.room.power_levels` does not list them (since 12). */
export type Creators = ReadonlyMap<RoomNumber, readonly UserId[]>

const NONE: Creators = new Map()

/** The creators of the rooms whose power levels are among the events. */
export const creatorsAmong = async (events: readonly StoredEvent[], reader: RoomStateReader): Promise<Creators> => {
  const levels = events.filter(({ type, stateKey }) => isLevels(type, stateKey))
  if (levels.length === 0) return NONE
  const rooms = new Set(levels.map(({ room }) => room))
  const creators = new Map<RoomNumber, readonly UserId[]>()
  for (const room of rooms) {
    const create = await reader.stateEvent(room, 'current', 'm.room.create', '')
    if (create === undefined) continue
    const pdu = JSON.parse(create.json) as Pdu
    const version = ROOM_VERSIONS.get(stringAt(pdu.content, 'room_version') ?? '1')
    if (version?.auth.privilegedCreators !== true) continue
    creators.set(room, creatorsOf(version, toRoomEvent(version, pdu, create.eventId)))
  }
  return creators
}

const isLevels = (type: string, stateKey: string | undefined): boolean =>
  type === 'm.room.power_levels' && stateKey === ''

/** The level of room creators in versions before 12. */
const CREATOR_LEVEL = 100

/** Power levels that list the creators too, as high as the highest level in them: clients of 2015 know of no other power. */
export const levelsWithCreators = (
  { type, stateKey, room }: StoredEvent,
  content: JsonObject,
  creators: Creators | undefined,
): JsonObject => {
  const named = isLevels(type, stateKey) ? creators?.get(room) : undefined
  if (named === undefined) return content
  const users = isJsonObject(content.users) ? content.users : {}
  const events = isJsonObject(content.events) ? content.events : {}
  const numbers = [content, users, events].flatMap(Object.values).filter((level) => typeof level === 'number')
  const level = numbers.reduce((highest, other) => Math.max(highest, other), CREATOR_LEVEL)
  return { ...content, users: { ...users, ...Object.fromEntries(named.map((userId) => [userId, level])) } }
}
