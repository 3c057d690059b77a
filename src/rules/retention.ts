import type { JsonObject } from '#spec'

/** The operator's word on how long messages are kept; undefined: nothing is said. */
export interface RetentionSettings {
  readonly defaultLifetimeMs: number | undefined
  readonly minLifetimeMs: number | undefined
  readonly maxLifetimeMs: number | undefined
}

const lifetimeAt = (content: JsonObject, key: string): number | undefined => {
  const value = Object.hasOwn(content, key) ? content[key] : undefined
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/**
 * The time in milliseconds for which a room keeps messages, by its `m.room.retention` (MSC1763) within the operator's bounds. undefined: for ever. A value
 * that is no time counts as absent; a shortest time above the longest one counts for both.
 */
export const messageLifetimeMs = (content: JsonObject, settings: RetentionSettings): number | undefined => {
  const longest = lifetimeAt(content, 'max_lifetime')
  const wanted =
    longest === undefined ? settings.defaultLifetimeMs : Math.max(longest, lifetimeAt(content, 'min_lifetime') ?? 0)
  const { minLifetimeMs = 0, maxLifetimeMs = Number.POSITIVE_INFINITY } = settings
  const kept = Math.max(Math.min(wanted ?? Number.POSITIVE_INFINITY, maxLifetimeMs), minLifetimeMs)
  return Number.isFinite(kept) ? kept : undefined
}
