import { compileEventFilter, type EventMatcher, parseRoomEventFilter } from '#rules'
import { type EventId, MatrixError, type RoomId } from '#spec'
import { parsePageToken, type Streams } from '#streams'

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
  /** `end` is given even where there is nothing more, as in 2015. */
  readonly alwaysEnds?: boolean
}

/** `GET /context`. */
export interface ContextRequest {
  readonly roomId: RoomId
  readonly eventId: EventId
  /** The most events before and after, together. */
  readonly limit: number | undefined
  readonly filter: string | undefined
}

const DEFAULT_LIMIT = 10

/** A position after all events. The only one ahead of the newest event that a request may name. */
export const END_OF_TIME = Number.MAX_SAFE_INTEGER

/** Like `positionOf`. Throws `M_INVALID_PARAM` for a token ahead of the newest event: it is of another server, or of a lost database. */
export const pastPositionOf = async (
  token: string | undefined,
  streams: Pick<Streams, 'reach'>,
): Promise<number | undefined> => {
  const position = positionOf(token)
  if (position !== undefined && position !== END_OF_TIME && !(await streams.reach({ events: position })))
    throw new MatrixError('M_INVALID_PARAM', 'The token lies ahead of this server')
  return position
}

/** The position that a token stands for, between it and the next one. Throws `M_INVALID_PARAM`. */
export const positionOf = (token: string | undefined): number | undefined => {
  // Some clients send an empty parameter instead of none.
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
