import { MatrixError } from '#spec'
import { formatPageToken, parsePageToken } from '#streams'
import { END_OF_TIME } from './timeline-request.ts'

/** The words of 2015 for the two ends of a data set ("Pagination" of that document). */
export const [START, END] = ['START', 'END'] as const

/** `START` and `END` as positions: before and after everything. */
const [FIRST, LAST] = [Number.MIN_SAFE_INTEGER, END_OF_TIME]

export interface OldRange {
  readonly from: string | undefined
  readonly to: string | undefined
  readonly direction: 'forward' | 'backward'
}

/**
 * `from` and `to` of pagination in 2015: `START` and `END` are tokens and the defaults. Without `dir`, the order of the two says in
 * which direction to read. Throws `M_INVALID_PARAM` for a malformed token.
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
  const first = endOf(from || (given === 'backward' ? END : START))
  const last = endOf(to || (given === 'backward' ? START : END))
  const direction = given ?? (first.position <= last.position ? 'forward' : 'backward')
  const [beginning, end] = direction === 'forward' ? [FIRST, LAST] : [LAST, FIRST]
  return {
    // The two ends of everything need no token.
    from: first.position === beginning ? undefined : first.token,
    to: last.position === end ? undefined : last.token,
    direction,
  }
}

/** One end of a range: the token as it was given, and the position by which the two are compared. */
const endOf = (token: string): { readonly token: string; readonly position: number } => {
  if (token === START) return { token: formatPageToken(FIRST), position: FIRST }
  if (token === END) return { token: formatPageToken(LAST), position: LAST }
  const position = parsePageToken(token)
  if (position === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a token of this server')
  return { token, position }
}
