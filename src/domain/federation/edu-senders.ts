import { isJsonObject, type JsonObject, type JsonValue, parseUserId, type ServerName, serverOf, stringAt } from '#spec'

/** Limits on what one EDU may name. */
const MAX_ROOMS = 100
const MAX_PRESENCES = 100

/** The member that names the user for whom an EDU speaks, by its type. */
const SENDER_MEMBER: Readonly<Record<string, string>> = {
  'm.typing': 'user_id',
  'm.device_list_update': 'user_id',
  'm.signing_key_update': 'user_id',
  'm.direct_to_device': 'sender',
}

/**
 * The part of an EDU's content that its origin may say: of its own users, and in rooms whose server ACL lets it in. undefined where nothing is left. Other types
 * than those of the specification are left as they are.
 */
export const ofOrigin = async (
  type: string,
  content: JsonObject,
  origin: ServerName,
  mayIn: (roomId: string) => Promise<boolean>,
): Promise<JsonObject | undefined> => {
  const isOwn = (userId: JsonValue | undefined): boolean => isUserOf(userId, origin)
  if (type === 'm.receipt') return receiptsOf(content, isOwn, mayIn)
  if (type === 'm.presence') return presencesOf(content, isOwn)
  const member = SENDER_MEMBER[type]
  if (member !== undefined && !isOwn(stringAt(content, member))) return undefined
  if (type === 'm.typing' && !(await mayIn(stringAt(content, 'room_id') ?? ''))) return undefined
  return content
}

const isUserOf = (value: JsonValue | undefined, server: ServerName): boolean => {
  const userId = typeof value === 'string' ? parseUserId(value) : undefined
  return userId !== undefined && serverOf(userId) === server
}

/** `room -> m.read -> user`. */
const receiptsOf = async (
  content: JsonObject,
  isOwn: (userId: string) => boolean,
  mayIn: (roomId: string) => Promise<boolean>,
): Promise<JsonObject | undefined> => {
  const rooms: [string, JsonObject][] = []
  for (const [roomId, kinds] of Object.entries(content).slice(0, MAX_ROOMS)) {
    if (!isJsonObject(kinds) || !(await mayIn(roomId))) continue
    const kept = Object.entries(kinds).flatMap(([kind, users]) =>
      isJsonObject(users) ? [[kind, Object.fromEntries(Object.entries(users).filter(([user]) => isOwn(user)))]] : [],
    )
    rooms.push([roomId, Object.fromEntries(kept) as JsonObject])
  }
  return rooms.length === 0 ? undefined : Object.fromEntries(rooms)
}

const presencesOf = (
  content: JsonObject,
  isOwn: (userId: JsonValue | undefined) => boolean,
): JsonObject | undefined => {
  const push = Object.hasOwn(content, 'push') ? content.push : undefined
  if (!Array.isArray(push)) return undefined
  const kept = (push as readonly JsonValue[])
    .slice(0, MAX_PRESENCES)
    .filter((each) => isJsonObject(each) && isOwn(stringAt(each, 'user_id')))
  return kept.length === 0 ? undefined : { ...content, push: kept }
}
