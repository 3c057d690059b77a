import Type from 'typebox'
import type { Requester } from '#http'
import { type JsonObject, MatrixError, parseRoomId, type RoomId } from '#spec'

/** For paths that name the requester. Throws `M_FORBIDDEN` for other users. */
export const requireOwn = ({ userId }: Requester, named: string): void => {
  if (userId !== named) throw new MatrixError('M_FORBIDDEN', 'Only for your own user')
}

/** Throws `M_INVALID_PARAM`. */
export const roomIdOf = (text: string): RoomId => {
  const roomId = parseRoomId(text)
  if (roomId === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a room ID')
  return roomId
}

/** A body that may be any JSON object. */
export const AnyObject = Type.Unsafe<JsonObject>({ type: 'object' })
