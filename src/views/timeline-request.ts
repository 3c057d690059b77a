import { compileEventFilter, type EventMatcher } from '#rules'
import { type EventId, MatrixError, parseRoomEventFilter, type RoomId, type UserId } from '#spec'
import { parsePageToken } from '#streams'
import type { EventForm } from './client-event.ts'

/** Who reads: a logged-in user on one of their devices. */
export interface RoomViewer {
  readonly userId: UserId
  readonly user: number
  readonly device: number | undefined
  /** In which form events are answered; default `full`. */
  readonly form?: EventForm
}

/** `GET /messages`, tokens and filter as the client wrote them. */
export interface MessagesRequest {
  readonly roomId: RoomId
  readonly direction: 'forward' | 'backward'
  /** undefined: from the end of the room to go backwards, from its beginning to go forwards. */
  readonly from: string | undefined
  readonly to: string | undefined
  readonly limit: number | undefined
  /** JSON of a `RoomEventFilter`. */
  readonly filter: string | undefined
  /** `end` is given even where there is nothing more, as it was in 2015. */
  readonly alwaysEnds?: boolean
}

/** `GET /context`. */
export interface ContextRequest {
  readonly roomId: RoomId
  readonly eventId: EventId
  /** Of the events before and after together. */
  readonly limit: number | undefined
  readonly filter: string | undefined
}

const DEFAULT_LIMIT = 10

/** Behind everything there is and will be; the one place ahead of the newest event that a request may name. */
export const END_OF_TIME = Number.MAX_SAFE_INTEGER

/** The same where `now` is the newest event there is. Throws `M_INVALID_PARAM` for what lies ahead of it: a token of elsewhere, or of a lost database. */
export const pastPositionOf = (token: string | undefined, now: number): number | undefined => {
  const position = positionOf(token)
  if (position !== undefined && position > now && position !== END_OF_TIME)
    throw new MatrixError('M_INVALID_PARAM', 'The token lies ahead of this server')
  return position
}

/** The position a token stands for: between it and the next one. Throws `M_INVALID_PARAM`. */
export const positionOf = (token: string | undefined): number | undefined => {
  // Some clients send an empty parameter for one they have no value for.
  if (token === undefined || token === '') return undefined
  const position = parsePageToken(token)
  if (position === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a token of this server')
  return position
}

/** Throws `M_INVALID_PARAM`. */
export const filterOf = (
  filter: string | undefined,
  limit: number | undefined,
  roomId: RoomId,
): { readonly matcher: EventMatcher; readonly limit: number; readonly nothing: boolean } => {
  const parsed = filter === undefined || filter === '' ? {} : parseRoomEventFilter(filter)
  if (parsed === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a filter of room events')
  const matcher = compileEventFilter(parsed)
  return {
    matcher,
    limit: limit ?? matcher.limit ?? DEFAULT_LIMIT,
    nothing: matcher.nothing || !matcher.room(roomId),
  }
}
