import type { StateTuple } from './events.ts'

/**
 * One string for a type and a state key, for maps. The type's length stands in front, so that no two tuples share a key
 * whatever characters a hostile event puts into either.
 */
export const stateTupleKey = (type: string, stateKey: string): string => `${type.length}:${type}${stateKey}`

/** The inverse of `stateTupleKey`; undefined for a text that it never makes. */
export const parseStateTupleKey = (key: string): StateTuple | undefined => {
  const colon = key.indexOf(':')
  const digits = key.slice(0, Math.max(colon, 0))
  const end = colon + 1 + Number(digits)
  if (!/^(?:0|[1-9]\d{0,5})$/.test(digits) || end > key.length) return undefined
  return { type: key.slice(colon + 1, end), stateKey: key.slice(end) }
}
