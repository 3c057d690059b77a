import { MatrixError } from '#spec'
import { formatPageToken, parsePageToken } from '#streams'
import { END_OF_TIME } from '../timeline-request.ts'
import { END, START } from './stream-token.ts'

/** `START` and `END` as places: before and behind everything. */
const [FIRST, LAST] = [Number.MIN_SAFE_INTEGER, END_OF_TIME]

export interface OldRange {
  readonly from: string | undefined
  readonly to: string | undefined
  readonly direction: 'forward' | 'backward'
}

/**
 * `from` and `to` of pagination as the document of 2015 has them: `START` and `END` are tokens and the defaults, and which of the two
 * comes first says in which direction to read, unless `dir` does. Throws `M_INVALID_PARAM` for what is no token.
 */
export const oldRange = ({
  from,
  to,
  dir,
}: {
  readonly from?: string
  readonly to?: string
  readonly dir?: 'b' | 'f'
}): OldRange => {
  const given = dir === undefined ? undefined : dir === 'b' ? 'backward' : 'forward'
  const first = placeOf(from || (given === 'backward' ? END : START))
  const last = placeOf(to || (given === 'backward' ? START : END))
  const direction = given ?? (first <= last ? 'forward' : 'backward')
  const [beginning, end] = direction === 'forward' ? [FIRST, LAST] : [LAST, FIRST]
  return {
    // Where the range begins or ends with everything, there is nothing to name.
    from: first === beginning ? undefined : formatPageToken(first),
    to: last === end ? undefined : formatPageToken(last),
    direction,
  }
}

const placeOf = (token: string): number => {
  if (token === START) return FIRST
  if (token === END) return LAST
  const place = parsePageToken(token)
  if (place === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a token of this server')
  return place
}
