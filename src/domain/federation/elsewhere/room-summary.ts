import { isJsonObject, type JsonObject, type JsonValue, parseRoomId, type RoomId } from '#spec'

/** A room as another server describes it. */
export interface RemoteSummary {
  readonly roomId: RoomId
  /** Members that the specification names alone. */
  readonly json: JsonObject
}

const MAX_TEXT = 2_000
const MAX_ALLOWED_ROOMS = 100
const TEXTS = [
  'avatar_url',
  'canonical_alias',
  'join_rule',
  'name',
  'room_type',
  'topic',
  'encryption',
  'room_version',
] as const

/** undefined for what describes no room. */
export const summaryIn = (value: JsonValue | undefined): RemoteSummary | undefined => {
  if (!isJsonObject(value) || typeof value.room_id !== 'string') return undefined
  const roomId = parseRoomId(value.room_id)
  const members = value.num_joined_members
  if (roomId === undefined || typeof members !== 'number' || !Number.isSafeInteger(members)) return undefined
  const texts = TEXTS.flatMap((key) => {
    const text = Object.hasOwn(value, key) ? value[key] : undefined
    return typeof text === 'string' && text.length <= MAX_TEXT ? [[key, text] as const] : []
  })
  const json = {
    room_id: roomId,
    num_joined_members: members,
    world_readable: value.world_readable === true,
    guest_can_join: value.guest_can_join === true,
    ...Object.fromEntries(texts),
    ...allowedIn(value),
  }
  return { roomId, json }
}

const allowedIn = ({ allowed_room_ids: allowed }: JsonObject): JsonObject => {
  if (!Array.isArray(allowed)) return {}
  const roomIds = (allowed as readonly JsonValue[]).slice(0, MAX_ALLOWED_ROOMS)
  return {
    allowed_room_ids: roomIds.flatMap((id) => (typeof id === 'string' ? (parseRoomId(id) ?? []) : [])),
  }
}
