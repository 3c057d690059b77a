import { MatrixError } from '#spec'
import { type Positions, parsePageToken, parseSyncToken, STREAMS, type StreamName } from '#streams'

/** Where a reader of the event stream stands, and the token that says so. */
export interface StreamPlace {
  readonly text: string
  readonly positions: Positions
}

/** The words of 2015 for the two ends of a data set ("Pagination" of that document). */
export const [START, END] = ['START', 'END'] as const

/**
 * `from` and `to` of the event stream: a token of `/sync`, `/initialSync` or `/events`, or of pagination, which stands for a place among the
 * room events alone. `words`: whether `START` and `END` are understood. Throws `M_INVALID_PARAM` for anything else, and for what lies
 * ahead of this server: to wait there would be to wait for ever.
 */
export const streamPlace = (text: string, now: Positions, words: boolean): StreamPlace => {
  if (words && text === START) return { text, positions: beginning(now) }
  if (words && text === END) return { text, positions: now }
  const sync = parseSyncToken(text)
  const page = sync === undefined ? parsePageToken(text) : undefined
  if (sync === undefined && page === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a token of this server')
  const positions = sync ?? { ...now, events: page ?? now.events }
  if (DURABLE_HERE.some((stream) => positions[stream] > now[stream]))
    throw new MatrixError('M_INVALID_PARAM', 'The token lies ahead of this server')
  return { text, positions }
}

const DURABLE_HERE = ['events', 'receipts', 'accountData'] as const satisfies readonly StreamName[]

/** What the event stream does not carry begins now: whoever goes on with `/sync` must not be sent what it has had. */
const beginning = (now: Positions): Positions => ({
  ...now,
  events: 0,
  receipts: 0,
  accountData: 0,
  typing: 0,
  presence: 0,
})

/** The earlier of the two, stream by stream. */
export const earlierOf = (one: Positions, other: Positions): Positions =>
  Object.fromEntries(STREAMS.map((stream) => [stream, Math.min(one[stream], other[stream])])) as unknown as Positions
