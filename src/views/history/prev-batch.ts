import { formatPageToken, formatPlaceToken } from '#streams'
import type { TimelinePart } from '../known/timeline-in-window.ts'
import { placeBefore } from './places.ts'

/** `prev_batch`: `/messages` goes on backwards from there, in the room's history right before the timeline where that begins behind a gap. */
export const prevBatchOf = ({ events, limited, start }: TimelinePart): string => {
  const [first] = events
  return limited && first !== undefined ? formatPlaceToken(placeBefore(first)) : formatPageToken(start)
}
