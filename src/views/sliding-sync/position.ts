import { formatSlidingToken, type Positions, parseSlidingToken, type ToldPositions } from '#streams'

/** A `pos`, read. Everything that the next request needs is in it, or in the checkpoint that it names. */
export interface Position {
  /** The device that it was made for. */
  readonly device: number
  /** Tells one run of a connection from the next: a request without `pos` begins a new one. */
  readonly run: number
  /** Counts the answers of a run. */
  readonly generation: number
  readonly positions: ToldPositions
  /** The extensions that were asked for, as bits in their order. */
  readonly extensions: number
  /** The connection's memory of rooms, packed; empty for one that has none. */
  readonly memory: string
}

const NUMBERS = /^\d{1,16}$/

/** The text is `<token of the streams>.<numbers>.<memory>`, all of it safe in a query. `token`: that of the streams, where it is known. */
export const formatPosition = (
  { device, run, generation, positions, extensions, memory }: Position,
  token = formatSlidingToken(positions),
): string => {
  const typing = (positions.typingIn ?? []).join('-')
  return `${token}.${typing}.${device}.${run}.${generation}.${extensions}.${memory}`
}

/** undefined for a text that is none. `now` as in `SyncTokens.parse`. */
export const parsePosition = (text: string, now: Positions): Position | undefined => {
  const [token = '', typing = '', ...rest] = text.split('.')
  const [memory, ...more] = rest.splice(4)
  if (memory === undefined || more.length > 0 || !rest.every((part) => NUMBERS.test(part))) return undefined
  const positions = parseSlidingToken(token, now)
  const typingIn = typing === '' ? [] : typing.split('-')
  if (positions === undefined || typingIn.length > MAX_TYPING_IN || !typingIn.every((part) => NUMBERS.test(part)))
    return undefined
  const [device = 0, run = 0, generation = 0, extensions = 0] = rest.map(Number)
  return { device, run, generation, extensions, memory, positions: { ...positions, typingIn: typingIn.map(Number) } }
}

/** Rooms with typists that a position names at most: it stays short. */
export const MAX_TYPING_IN = 16
