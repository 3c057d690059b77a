import { MatrixError } from '#spec'
import { type Positions, parsePageToken, parseSyncToken, STREAMS, type Streams, type ToldPositions } from '#streams'
import { END, START } from '../history/old-range.ts'

/** A place in the event stream, with the token that names it. */
export interface StreamPlace {
  readonly text: string
  readonly positions: ToldPositions
}

/**
 * `from` and `to` of the event stream: a token of `/sync`, `/initialSync` or `/events`, or one of pagination, which names a place among
 * the room events alone. `words`: whether `START` and `END` are tokens. Throws `M_INVALID_PARAM` for anything else, and for a token ahead
 * of this server, where a request would wait for ever.
 */
export const streamPlace = async (
  text: string,
  streams: Pick<Streams, 'positions' | 'resume'>,
  words: boolean,
): Promise<StreamPlace> => {
  const now = streams.positions()
  if (words && text === START) return { text, positions: beginning(now) }
  if (words && text === END) return { text, positions: placeNow(now) }
  const sync = parseSyncToken(text, now)
  const page = sync === undefined ? parsePageToken(text) : undefined
  if (sync === undefined && page === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a token of this server')
  const positions = await streams.resume(sync ?? { ...placeNow(now), events: page ?? now.events })
  if (positions === undefined) throw new MatrixError('M_INVALID_PARAM', 'The token lies ahead of this server')
  return { text, positions }
}

/**
 * The place that a reader without a token begins at. Messages to its device do not come this way, so it has shown of none that it has it: a token of these
 * streams must not acknowledge them when the client goes on with `/sync`.
 */
export const placeNow = (now: Positions): Positions => ({ ...now, toDevice: 0 })

/** Streams that `/events` does not carry begin now: a client that goes on with `/sync` must not be sent their past. */
const beginning = (now: Positions): Positions => ({
  ...placeNow(now),
  events: 0,
  receipts: 0,
  accountData: 0,
  typing: 0,
  presence: 0,
})

/** The earlier position of each stream. */
export const earlierOf = (one: Positions, other: Positions): Positions =>
  Object.fromEntries(STREAMS.map((stream) => [stream, Math.min(one[stream], other[stream])])) as unknown as Positions
