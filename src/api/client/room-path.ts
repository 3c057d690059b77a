import { hash } from 'node:crypto'
import Type, { type Static } from 'typebox'
import { type Transaction, UnknownRoom } from '#domain'
import type { Requester } from '#http'
import {
  type EventId,
  type JsonObject,
  MatrixError,
  parseEventId,
  parseRoomAlias,
  parseRoomId,
  parseServerName,
  parseUserId,
  type RoomAlias,
  type RoomId,
  type ServerName,
  type UserId,
} from '#spec'
import { roomIdOf } from './own-user.ts'

export const RoomIdPath = Type.Object({ roomId: Type.String() })

/** Throws `M_INVALID_PARAM`. */
export const eventIdOf = (text: string): EventId => {
  const eventId = parseEventId(text)
  if (eventId === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not an event ID')
  return eventId
}

/** Throws `M_INVALID_PARAM`. */
export const userIdOf = (text: string): UserId => {
  const userId = parseUserId(text)
  if (userId === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a user ID')
  return userId
}

/** Throws `M_INVALID_PARAM`. */
export const aliasOf = (text: string): RoomAlias => {
  const alias = parseRoomAlias(text)
  if (alias === undefined) throw new MatrixError('M_INVALID_PARAM', 'Room alias invalid')
  return alias
}

export interface AliasResolver {
  resolve(alias: RoomAlias): Promise<RoomId>
}

/** For paths with `{roomIdOrAlias}`. Throws `M_INVALID_PARAM`, and `M_NOT_FOUND` for an unknown alias. */
export const resolveRoom = async (text: string, directory: AliasResolver): Promise<RoomId> => {
  if (text.startsWith('#')) return directory.resolve(aliasOf(text))
  const roomId = parseRoomId(text)
  if (roomId === undefined) throw new MatrixError('M_INVALID_PARAM', 'Neither a room ID nor an alias')
  return roomId
}

/** Event types, state keys and transaction ids are any text that a database and canonical JSON can hold. Throws `M_INVALID_PARAM`. */
export const plainText = (text: string): string => {
  if (text.includes('\0') || !text.isWellFormed()) throw new MatrixError('M_INVALID_PARAM', 'Not well-formed text')
  return text
}

/** Stored with every event, so only as much of the hash as tells the paths of one device apart. */
const SCOPE_LENGTH = 12

/**
 * A transaction id means the same request for one device at one path (section "Transaction identifiers"): its scope stands
 * for the path without the id.
 */
export const transactionOf = (
  requester: Requester,
  path: readonly [endpoint: 'send' | 'redact' | 'delayed_event', roomId: RoomId, target: string],
  id: string,
): Transaction => {
  const scope = hash('sha256', path.join('\0'), 'base64url').slice(0, SCOPE_LENGTH)
  return { device: requester.device, scope, id: plainText(id) }
}

/** The answer to everything that sends an event. */
export type SentEvent = { readonly event_id: EventId }

export const Reason = Type.Optional(Type.String({ maxLength: 65_536 }))

export const reasonIn = (body: { readonly reason?: string }): { readonly reason?: string } =>
  body.reason === undefined ? {} : { reason: body.reason }

export const TargetBody = Type.Object({ user_id: Type.String(), reason: Reason })

/** MSC4293: the removal of a user takes back what they sent. */
const TAKES_BACK = 'org.matrix.msc4293.redact_events'
export const RemovalBody = Type.Object({
  user_id: Type.String(),
  reason: Reason,
  [TAKES_BACK]: Type.Optional(Type.Boolean()),
})

export const removalIn = (body: { readonly reason?: string; readonly [TAKES_BACK]?: boolean }): JsonObject =>
  body[TAKES_BACK] === true ? { ...reasonIn(body), [TAKES_BACK]: true } : reasonIn(body)

/** For what only members may do: the refusal does not tell whether the room exists. */
export const hidingUnknownRoom = async <Value>(change: Promise<Value>): Promise<Value> => {
  try {
    return await change
  } catch (error) {
    throw error instanceof UnknownRoom ? error.hidden() : error
  }
}

export interface RoomReaders {
  mayRead(roomId: RoomId, user: Requester): Promise<void>
}

/** For endpoints that read a room: `allows` of these. */
export const readersOf =
  (rooms: RoomReaders) =>
  ({ requester, params }: { readonly requester: Requester; readonly params: { readonly roomId: string } }) =>
    rooms.mayRead(roomIdOf(params.roomId), requester)

/** The servers to join through, under today's name and the one before it. */
export const ViaQuery = Type.Object({
  via: Type.Optional(Type.Array(Type.String(), { maxItems: 50 })),
  server_name: Type.Optional(Type.Array(Type.String(), { maxItems: 50 })),
})

export interface RoomLocator {
  locate(alias: RoomAlias): Promise<{ readonly roomId: RoomId; readonly servers: readonly ServerName[] }>
}

/** For paths with `{roomIdOrAlias}` of rooms that may be elsewhere: the room, and servers to reach it by. Throws what `resolveRoom` throws, and 502 or 504. */
export const locateRoom = async (
  text: string,
  { via = [], server_name: older = [] }: Static<typeof ViaQuery>,
  aliases: RoomLocator,
): Promise<{ readonly roomId: RoomId; readonly servers: readonly ServerName[] }> => {
  const servers = [...via, ...older].flatMap((name) => parseServerName(name) ?? [])
  if (!text.startsWith('#')) {
    const roomId = parseRoomId(text)
    if (roomId === undefined) throw new MatrixError('M_INVALID_PARAM', 'Neither a room ID nor an alias')
    return { roomId, servers }
  }
  const located = await aliases.locate(aliasOf(text))
  return { roomId: located.roomId, servers: [...servers, ...located.servers] }
}
