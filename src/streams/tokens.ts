import { type Positions, STREAMS, type StreamName } from './positions.ts'

/**
 * Tokens are opaque to clients. A sync token carries the position of every stream, `h1_` first for its layout; a
 * pagination token is `t` and a position of the event stream. A position n stands between event n and whatever follows.
 */
const SYNC_PREFIX = 'h1_'
const NUMBER = /^-?\d{1,16}$/

const parsePosition = (text: string): number | undefined => {
  if (!NUMBER.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}

export const formatSyncToken = (positions: Positions): string =>
  SYNC_PREFIX + STREAMS.map((stream) => positions[stream]).join('_')

export const parseSyncToken = (text: string): Positions | undefined => {
  if (text.length > 200 || !text.startsWith(SYNC_PREFIX)) return undefined
  const parts = text.slice(SYNC_PREFIX.length).split('_')
  if (parts.length !== STREAMS.length) return undefined
  const positions: Partial<Record<StreamName, number>> = {}
  for (const [index, stream] of STREAMS.entries()) {
    const value = parsePosition(parts[index] ?? '')
    if (value === undefined || value < 0) return undefined
    positions[stream] = value
  }
  return positions as Positions
}

export const formatPageToken = (position: number): string => `t${position}`

/** A pagination token, or a sync token, of which the event position counts ("from" takes both, section "Syncing"). */
export const parsePageToken = (text: string): number | undefined =>
  text.startsWith('t') ? parsePosition(text.slice(1)) : parseSyncToken(text)?.events
