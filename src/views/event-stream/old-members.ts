import type { StoredEvent } from '#store'
import { formatPageToken } from '#streams'
import { pastPositionOf } from '../timeline-request.ts'
import { oldRange } from './old-range.ts'
import { END, START } from './stream-token.ts'

/** A page of a list of events that is at hand, as the document of 2015 asks for it ("Pagination"). */
export interface OldPage {
  readonly from?: string
  readonly to?: string
  readonly limit?: number
}

/** By the order in which the events happened. Throws `M_INVALID_PARAM` for what is no token, or lies behind `now`, the newest event there is. */
export const oldPageOf = (
  all: readonly StoredEvent[],
  page: OldPage,
  now: number,
): { readonly events: readonly StoredEvent[]; readonly start: string; readonly end: string } => {
  const { direction, ...range } = oldRange(page)
  const isForward = direction === 'forward'
  const [from, to] = [pastPositionOf(range.from, now), pastPositionOf(range.to, now)]
  const [after, upTo] = isForward ? [from, to] : [to, from]
  const between = all
    .filter(({ position }) => (after === undefined || position > after) && (upTo === undefined || position <= upTo))
    .sort((one, other) => (isForward ? one.position - other.position : other.position - one.position))
  const events = between.slice(0, page.limit)
  const last = events.at(-1)
  const isWhole = last === undefined || events.length === between.length
  return {
    events,
    start: page.from || (isForward ? START : END),
    end: isWhole
      ? page.to || (isForward ? END : START)
      : formatPageToken(isForward ? last.position : last.position - 1),
  }
}
