import { type Positions, STREAM_DECLARATIONS, type StreamDeclaration, type ToldPositions } from './positions.ts'

/** Tokens are opaque to clients. A position n stands between item n of a stream and the next one. */

const NUMBER = /^-?\d{1,16}$/
/** Longer texts are no tokens. */
const MAX_LENGTH = 500

const parsePosition = (text: string): number | undefined => {
  if (!NUMBER.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}

export interface SyncTokens<Name extends string> {
  format(positions: Readonly<Record<Name, number>>): string
  /**
   * The positions of a token, undefined for a text that is none. `now` gives the position of a stream that the token lacks because it is
   * older than the stream, see `StreamDeclaration`. A token of a later version, with more streams than these, is none.
   */
  parse(text: string, now: Readonly<Record<Name, number>>): Readonly<Record<Name, number>> | undefined
  /** The positions that the token itself has. */
  read(text: string): Partial<Readonly<Record<Name, number>>> | undefined
}

/** Sync tokens carry the position of every stream, in the order of the declarations: `h1_…_…`. */
const SYNC_PREFIX = 'h1_'

export const syncTokensOver = <Name extends string>(
  declarations: Readonly<Record<Name, StreamDeclaration>>,
): SyncTokens<Name> => {
  const names = Object.keys(declarations) as Name[]
  const inEveryToken = names.filter((name) => declarations[name].missing === 'never').length

  const read = (text: string): Partial<Record<Name, number>> | undefined => {
    if (text.length > MAX_LENGTH || !text.startsWith(SYNC_PREFIX)) return undefined
    const parts = text.slice(SYNC_PREFIX.length).split('_')
    if (parts.length < inEveryToken || parts.length > names.length) return undefined
    const positions: Partial<Record<Name, number>> = {}
    for (const [index, part] of parts.entries()) {
      const [name, value] = [names[index], parsePosition(part)]
      if (name === undefined || value === undefined || value < 0) return undefined
      positions[name] = value
    }
    return positions
  }

  return {
    format: (positions) => SYNC_PREFIX + names.map((name) => positions[name]).join('_'),
    read,
    parse: (text, now) => {
      const positions = read(text)
      if (positions === undefined) return undefined
      const whole = names.map((name) => {
        const missing = declarations[name].missing === 'now' ? now[name] : 0
        return [name, positions[name] ?? missing]
      })
      return Object.fromEntries(whole) as Record<Name, number>
    },
  }
}

const syncTokens = syncTokensOver(STREAM_DECLARATIONS)

/** Behind a tilde, the fields of profiles that the client was told of, as one short text. */
const MARK = /^[0-9a-z]{1,16}$/

interface CutToken {
  readonly positions: string
  readonly profileFields: { readonly profileFields?: string }
}

/** Cuts a mark of fields off. undefined where what stands behind the tilde is none. */
const cutMark = (text: string): CutToken | undefined => {
  const tilde = text.length > MAX_LENGTH ? -1 : text.indexOf('~')
  if (tilde === -1) return { positions: text, profileFields: {} }
  const mark = text.slice(tilde + 1)
  return MARK.test(mark) ? { positions: text.slice(0, tilde), profileFields: { profileFields: mark } } : undefined
}

const marked = (text: string, mark: string | undefined): string => (mark === undefined ? text : `${text}~${mark}`)

const parseMarked = (text: string, now: Positions): ToldPositions | undefined => {
  const cut = cutMark(text)
  const parsed = cut === undefined ? undefined : syncTokens.parse(cut.positions, now)
  return cut === undefined || parsed === undefined ? undefined : { ...parsed, ...cut.profileFields }
}

const eventsIn = (text: string): number | undefined => {
  const cut = cutMark(text)
  return cut === undefined ? undefined : syncTokens.read(cut.positions)?.events
}

/** Behind a dot, the rooms in which the client was told of typing; none is the usual case. */
const TYPING_IN = /^\d{1,16}(?:-\d{1,16})*$/
/** A client in more rooms with typists at the same moment may show some of them for ever after a restart: tokens stay short. */
const MAX_TYPING_IN = 16

export const formatSyncToken = (positions: ToldPositions): string => {
  const { typingIn = [] } = positions
  const text = marked(syncTokens.format(positions), positions.profileFields)
  return typingIn.length === 0 ? text : `${text}.${typingIn.slice(0, MAX_TYPING_IN).join('-')}`
}

const cutSyncToken = (text: string): { readonly positions: string; readonly typingIn: readonly number[] } => {
  const dot = text.indexOf('.')
  const rooms = dot === -1 ? '' : text.slice(dot + 1)
  // A text that is no such list makes the whole no token.
  if (dot === -1 || text.length > MAX_LENGTH || !TYPING_IN.test(rooms)) return { positions: text, typingIn: [] }
  return { positions: text.slice(0, dot), typingIn: rooms.split('-', MAX_TYPING_IN).map(Number) }
}

/** See `SyncTokens.parse`. */
export const parseSyncToken = (text: string, now: Positions): ToldPositions | undefined => {
  const { positions, typingIn } = cutSyncToken(text)
  const parsed = parseMarked(positions, now)
  return parsed === undefined || typingIn.length === 0 ? parsed : { ...parsed, typingIn }
}

/** Positions of sliding sync begin with these tokens: the same streams in the same order, with a prefix of their own. */
const SLIDING_PREFIX = 's1_'

export const formatSlidingToken = (positions: ToldPositions): string =>
  marked(SLIDING_PREFIX + syncTokens.format(positions).slice(SYNC_PREFIX.length), positions.profileFields)

/** See `SyncTokens.parse`. */
export const parseSlidingToken = (text: string, now: Positions): ToldPositions | undefined => {
  const token = asSyncToken(text)
  return token === undefined ? undefined : parseMarked(token, now)
}

/** The positions in a whole `pos` of sliding sync, where they stand in front of a dot; undefined for a text that is none. */
export const positionsInPos = (pos: string, now: Positions): Positions | undefined =>
  parseSlidingToken(beforeDot(pos), now)

const beforeDot = (pos: string): string => pos.slice(0, Math.max(0, pos.indexOf('.')))

const asSyncToken = (text: string): string | undefined =>
  text.startsWith(SLIDING_PREFIX) ? SYNC_PREFIX + text.slice(SLIDING_PREFIX.length) : undefined

/** A pagination token is `t2`, a depth and the number of an event: right after that event in its room's history. */
const PLACE = /^t2_(-?\d{1,16})_(-?\d{1,16})$/

/** A place in a room's history: right after the event with that depth and number, whether there is such an event or not. */
export interface PagePlace {
  readonly depth: number
  readonly event: number
}

export const formatPlaceToken = ({ depth, event }: PagePlace): string => `t2_${depth}_${event}`

export const parsePlaceToken = (text: string): PagePlace | undefined => {
  const [, depthText = '', eventText = ''] = PLACE.exec(text) ?? []
  const [depth, event] = [parsePosition(depthText), parsePosition(eventText)]
  return depth === undefined || event === undefined ? undefined : { depth, event }
}

/** Before places were by depth, and still where no event is at hand: `t` and a position of the stream of events. */
export const formatPageToken = (position: number): string => `t${position}`

/**
 * The position in the stream of events that a token of either kind stands for; or of a token of `/sync` or sliding sync, of which the event position counts ("from" takes
 * all, section "Syncing"). The number of an event that is in the stream is its position.
 */
export const parsePageToken = (text: string): number | undefined => {
  const sliding = asSyncToken(beforeDot(text))
  if (sliding !== undefined) return eventsIn(sliding)
  if (!text.startsWith('t')) return eventsIn(cutSyncToken(text).positions)
  const place = parsePlaceToken(text)
  return place === undefined ? parsePosition(text.slice(1)) : Math.max(0, place.event)
}
