import { MatrixError } from '#spec'
import type { EventsReader, HistoryPlace, RoomNumber, StoredEvent } from '#store'
import { parsePlaceToken, type Streams } from '#streams'
import { END_OF_TIME, pastPositionOf } from './timeline-request.ts'

const FIRST_PLACE: HistoryPlace = { depth: Number.MIN_SAFE_INTEGER, event: Number.MIN_SAFE_INTEGER }
const LAST_PLACE: HistoryPlace = { depth: Number.MAX_SAFE_INTEGER, event: Number.MAX_SAFE_INTEGER }

export const placeAfter = ({ depth, event }: StoredEvent): HistoryPlace => ({ depth, event })

/** No event lies between this place and the event: numbers are whole. */
export const placeBefore = ({ depth, event }: StoredEvent): HistoryPlace => ({ depth, event: event - 1 })

/** The earlier of two ends; undefined stands for no end. */
export const earlierPlace = (
  one: HistoryPlace | undefined,
  other: HistoryPlace | undefined,
): HistoryPlace | undefined => {
  if (one === undefined || other === undefined) return one ?? other
  if (one.depth !== other.depth) return one.depth < other.depth ? one : other
  return one.event <= other.event ? one : other
}

/** The place in the room's history up to which its events had arrived at that position. */
export const placeAtPosition = async (
  room: RoomNumber,
  position: number,
  reader: Pick<EventsReader, 'placeBehind'>,
): Promise<HistoryPlace> => {
  if (position === END_OF_TIME) return LAST_PLACE
  return (await reader.placeBehind(room, position)) ?? FIRST_PLACE
}

/**
 * The place in a room's history that a token stands for; undefined for none, or an empty one. Tokens by position, as they were before, are read
 * for ever. Throws `M_INVALID_PARAM` for what is no token, and for one ahead of the newest event.
 */
export const placeOf = async (
  token: string | undefined,
  room: RoomNumber,
  { reader, streams }: { readonly reader: Pick<EventsReader, 'placeBehind'>; readonly streams: Pick<Streams, 'reach'> },
): Promise<HistoryPlace | undefined> => {
  const place = token === undefined ? undefined : parsePlaceToken(token)
  if (place !== undefined) {
    if (place.event > 0 && !(await streams.reach({ events: place.event })))
      throw new MatrixError('M_INVALID_PARAM', 'The token lies ahead of this server')
    return place
  }
  const position = await pastPositionOf(token, streams)
  return position === undefined ? undefined : placeAtPosition(room, position, reader)
}
