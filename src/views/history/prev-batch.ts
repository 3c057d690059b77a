import { formatPageToken } from '#streams'
import type { TimelinePart } from '../known/timeline-in-window.ts'

/**
 * `prev_batch`: `/messages` goes on backwards from there, with all that had arrived before the timeline. It names the position and not the place of the first event in the
 * history: where branches meet, events that arrived earlier may stand behind that place, and nobody would ever be told of them. Some of the timeline may
 * be told again then.
 */
export const prevBatchOf = ({ start }: Pick<TimelinePart, 'start'>): string => formatPageToken(start)
