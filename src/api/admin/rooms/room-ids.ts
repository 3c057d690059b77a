import { Type } from 'typebox'
import { MatrixError, parseRoomId, type RoomId } from '#spec'
import { type AliasResolver, resolveRoom } from '../../client/room-path.ts'

export const RoomPath = Type.Object({ roomId: Type.String({ maxLength: 300 }) })

/** Throws `M_INVALID_PARAM`. */
export const roomIdIn = (text: string): RoomId => {
  const roomId = parseRoomId(text)
  if (roomId === undefined) throw new MatrixError('M_INVALID_PARAM', `${text.slice(0, 100)} is not a legal room ID`)
  return roomId
}

/** For paths that take an alias too. Throws `M_INVALID_PARAM`, `M_NOT_FOUND`. */
export const roomIn = (text: string, aliases: AliasResolver): Promise<RoomId> => resolveRoom(text, aliases)
