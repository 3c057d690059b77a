import { type EventId, MatrixError, type RoomId, type UserId } from '#spec'
import { type EventsReader, isInHistory, type StoredEvent } from '#store'
import type { RoomVisibility } from '../known/room-visibility.ts'
import type { RoomAccess, Visibility } from '../known/visibility.ts'

export const eventNotFound = (): MatrixError =>
  new MatrixError('M_NOT_FOUND', 'There is no such event that you may read')

/** For endpoints that know 404 alone. Throws `M_NOT_FOUND` for a room that the user may not read. */
export const accessOrNotFound = (visibility: Visibility, roomId: RoomId, userId: UserId): Promise<RoomAccess> =>
  visibility.access(roomId, userId).catch((error: unknown) => {
    if (error instanceof MatrixError && error.errcode === 'M_FORBIDDEN') throw eventNotFound()
    throw error
  })

/** The event of that room, if the user may be shown it. Throws `M_NOT_FOUND`. */
export const seenEvent = async (
  eventId: EventId,
  access: RoomAccess,
  visibility: RoomVisibility,
  reader: Pick<EventsReader, 'event'>,
): Promise<StoredEvent> => {
  const event = await reader.event(eventId)
  if (event === undefined || event.room !== access.record.room || !isInHistory(event)) throw eventNotFound()
  // Fetched history came at no position of the stream; whether a former member may see it follows from the state before it.
  const isLater = event.placing === 'timeline' && access.upTo !== undefined && event.position > access.upTo
  if (isLater) throw eventNotFound()
  await visibility.learn([event])
  if (!visibility.mayShow(event)) throw eventNotFound()
  return event
}
