import { formatPageToken, type Streams } from '#streams'
import { END, oldRange, START } from './old-range.ts'
import { pastPositionOf } from './timeline-request.ts'

/** Asks for a page of a list of events, or of their places, in memory, as in the document of 2015 ("Pagination"). */
export interface OldPage {
  readonly from?: string
  readonly to?: string
  readonly limit?: number
}

/** The page, in the order of the stream. Throws `M_INVALID_PARAM` for a malformed token, or one ahead of the newest event. */
export const oldPageOf = async <Item extends { readonly position: number }>(
  all: readonly Item[],
  page: OldPage,
  streams: Pick<Streams, 'reach'>,
): Promise<{ readonly items: readonly Item[]; readonly start: string; readonly end: string }> => {
  const { direction, ...range } = oldRange(page)
  const isForward = direction === 'forward'
  const from = await pastPositionOf(range.from, streams)
  const to = await pastPositionOf(range.to, streams)
  const [after, upTo] = isForward ? [from, to] : [to, from]
  const between = all
    .filter(({ position }) => (after === undefined || position > after) && (upTo === undefined || position <= upTo))
    .sort((one, other) => (isForward ? one.position - other.position : other.position - one.position))
  const items = between.slice(0, page.limit)
  const last = items.at(-1)
  const isWhole = last === undefined || items.length === between.length
  return {
    items,
    start: page.from || (isForward ? START : END),
    end: isWhole
      ? page.to || (isForward ? END : START)
      : formatPageToken(isForward ? last.position : last.position - 1),
  }
}
