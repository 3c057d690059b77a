import { type Positions, STREAM_DECLARATIONS, type StreamDeclaration } from './positions.ts'

/** Tokens are opaque to clients. A position n stands between item n of a stream and the next one. */

const NUMBER = /^-?\d{1,16}$/
/** Longer texts are no tokens. */
const MAX_LENGTH = 400

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

export const formatSyncToken = (positions: Positions): string => syncTokens.format(positions)

/** See `SyncTokens.parse`. */
export const parseSyncToken = (text: string, now: Positions): Positions | undefined => syncTokens.parse(text, now)

/** A pagination token is `t` and a position of the stream of events. */
export const formatPageToken = (position: number): string => `t${position}`

/** A pagination token, or a sync token, of which the event position counts ("from" takes both, section "Syncing"). */
export const parsePageToken = (text: string): number | undefined =>
  text.startsWith('t') ? parsePosition(text.slice(1)) : syncTokens.read(text)?.events
