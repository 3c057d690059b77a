import { parsePdu } from '#rules'
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  MatrixError,
  parseUserId,
  type RoomId,
  type RoomVersion,
  stateTupleKey,
  stringAt,
} from '#spec'
import { isChecked } from '../receiving/index.ts'
import type { PduChecks } from './neighbours.ts'

/** Limits of what one invite or knock keeps of a room: its users are told all of it again and again. */
const MAX_EVENTS = 50
const MAX_BYTES = 128 * 1024
const MAX_NAME = 255

/**
 * The stripped state events, as texts, of a list that came with an invite or an answer to a knock (server-server API, "Inviting to a room"). Entries that are
 * none are left out. `strict`, as room version 12 wants it: whole events that are signed and of the room, the create event among them. Throws
 * `M_MISSING_PARAM`, `M_INVALID_PARAM`.
 */
export const strippedTexts = async (
  list: JsonValue | undefined,
  { version, roomId, checks }: { readonly version: RoomVersion; readonly roomId: RoomId; readonly checks: PduChecks },
): Promise<readonly string[]> => {
  const strict = version.roomIdIsCreateHash
  if (list === undefined) {
    if (strict) throw new MatrixError('M_MISSING_PARAM', 'invite_room_state is missing')
    return []
  }
  if (!Array.isArray(list)) throw new MatrixError('M_INVALID_PARAM', 'invite_room_state must be a list')
  const entries = (list as readonly JsonValue[]).slice(0, MAX_EVENTS).filter(isJsonObject)
  const checked = strict ? await checkedEntries(entries, { version, roomId, checks }) : entries
  return textsOf(checked.filter((entry) => isOfRoom(entry, roomId)))
}

const checkedEntries = async (
  entries: readonly JsonObject[],
  { version, roomId, checks }: { readonly version: RoomVersion; readonly roomId: RoomId; readonly checks: PduChecks },
): Promise<readonly JsonObject[]> => {
  for (const entry of entries)
    if (!parsePdu(version, entry).ok) throw new MatrixError('M_INVALID_PARAM', 'invite_room_state has what is no event')
  const outcomes = await checks.check(version, entries)
  const good = outcomes.flatMap((outcome) => (isChecked(outcome) && outcome.event.roomId === roomId ? [outcome] : []))
  if (good.length < entries.length)
    throw new MatrixError('M_INVALID_PARAM', 'invite_room_state has an event that is not signed, or of another room')
  if (!good.some(({ event }) => event.type === 'm.room.create' && event.stateKey === ''))
    throw new MatrixError('M_INVALID_PARAM', 'invite_room_state lacks the create event')
  return good.map(({ json }) => JSON.parse(json) as JsonObject)
}

/** Stripped events name no room; whole ones name this one. */
const isOfRoom = (entry: JsonObject, roomId: RoomId): boolean =>
  !Object.hasOwn(entry, 'room_id') || entry.room_id === roomId

const textsOf = (entries: readonly JsonObject[]): readonly string[] => {
  const texts = new Map<string, string>()
  let bytes = 0
  for (const entry of entries) {
    const type = stringAt(entry, 'type')
    const stateKey = stringAt(entry, 'state_key')
    const sender = parseUserId(stringAt(entry, 'sender') ?? '')
    const content = Object.hasOwn(entry, 'content') ? entry.content : undefined
    if (type === undefined || stateKey === undefined || sender === undefined || !isJsonObject(content)) continue
    if (type.length > MAX_NAME || stateKey.length > MAX_NAME) continue
    const text = JSON.stringify({ type, sender, state_key: stateKey, content })
    bytes += Buffer.byteLength(text)
    if (bytes > MAX_BYTES) break
    texts.set(stateTupleKey(type, stateKey), text)
  }
  return [...texts.values()]
}
