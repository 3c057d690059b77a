import { growingPause, type Random } from '#base'

/** The first pause after a failure; each further one doubles it. */
const FIRST_PAUSE_MS = 7_500
const LONGEST_PAUSE_MS = 24 * 3_600_000
/** A server that took nothing for so long is sent nothing until it is heard of. */
const GIVE_UP_AFTER_MS = 30 * 24 * 3_600_000
/** The longest that a server may ask us to wait. */
const LONGEST_ASKED_MS = 3_600_000
/** The shortest time between two attempts, however often the server is heard of meanwhile. */
const MIN_SPACING_MS = 5_000

/** A number from 0 up to 1. */
export const fraction = (random: Random): number => {
  const [high = 0, low = 0] = random.bytes(2)
  return (high * 256 + low) / 65_536
}

/** The pause after so many failures in a row: from 5 to 10 s after the first, up to a day; a third more or less by chance. */
export const pauseAfter = (failures: number, random: Random): number => {
  const pauseMs = growingPause(failures, { firstMs: FIRST_PAUSE_MS, longestMs: LONGEST_PAUSE_MS })
  return Math.min(Math.round(pauseMs * (2 / 3 + (2 / 3) * fraction(random))), LONGEST_PAUSE_MS)
}

export const askedPause = (retryAfterMs: number): number => Math.max(0, Math.min(retryAfterMs, LONGEST_ASKED_MS))

export const isGivenUp = (failingSinceMs: number, nowMs: number): boolean => nowMs - failingSinceMs >= GIVE_UP_AFTER_MS

/** The time from the last attempt to the next for a server that was heard of: one that hears nothing itself is not asked all the time. */
export const spacingWhenHeard = (failures: number): number => MIN_SPACING_MS * Math.min(Math.max(failures, 1), 12)
