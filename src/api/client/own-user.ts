import Type from 'typebox'
import type { Requester } from '#http'
import { type JsonObject, MatrixError, parseRoomId, type RoomId, userSuspended } from '#spec'

/** For paths that name the requester. Throws `M_FORBIDDEN` for other users. */
export const requireOwn = ({ userId }: Requester, named: string): void => {
  if (userId !== named) throw new MatrixError('M_FORBIDDEN', 'Only for your own user')
}

/** For what a suspended account may do to its own and not otherwise; `isOwn` says which. Throws `M_USER_SUSPENDED`. */
export const mindSuspended = ({ suspended }: Requester, isOwn: boolean): void => {
  if (suspended && !isOwn) throw userSuspended()
}

/** The time that application services may give an event ("Timestamp massaging"). */
export const TIME_QUERY = { ts: Type.Optional(Type.String()) }

/** undefined: now. Others than application services cannot set it, and theirs is passed over. Throws `M_INVALID_PARAM`. */
export const timeIn = (requester: Requester, { ts }: { readonly ts?: string }): number | undefined => {
  if (ts === undefined || requester.kind !== 'user' || requester.service === undefined) return undefined
  const time = /^\d{1,16}$/.test(ts) ? Number(ts) : Number.NaN
  if (!Number.isSafeInteger(time)) throw new MatrixError('M_INVALID_PARAM', 'ts is no time in milliseconds since 1970')
  return time
}

/** Throws `M_INVALID_PARAM`. */
export const roomIdOf = (text: string): RoomId => {
  const roomId = parseRoomId(text)
  if (roomId === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a room ID')
  return roomId
}

/** A body that may be any JSON object. */
export const AnyObject = Type.Unsafe<JsonObject>({ type: 'object' })
