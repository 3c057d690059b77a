/** Header of a string, rounded up. */
const TEXT_BYTES = 24
const ARRAY_BYTES = 48
const OBJECT_BYTES = 56
const SLOT_BYTES = 8
/** A member with its part of the object's description. Objects with the same names share that, and a stranger can send thousands that share none. */
const MEMBER_BYTES = 100
/** Objects with more members are tables with room to grow. */
const MANY_MEMBERS = 100
const HASHED_MEMBER_BYTES = 72
/** A number that is no small integer has a place of its own. */
const NUMBER_BYTES = 16
const WIDE = /[^\0-\xff]/

/** Bytes of a text in memory: one character is one byte, or two where any lies beyond Latin-1. */
export const textBytes = (text: string): number => TEXT_BYTES + (WIDE.test(text) ? 2 * text.length : text.length)

/** Bytes of a parsed JSON value in memory, at most. Walks over all of it, which costs less than it cost to parse. */
export const jsonBytes = (value: unknown): number => {
  switch (typeof value) {
    case 'string':
      return textBytes(value)
    case 'number':
      return Number.isInteger(value) ? 0 : NUMBER_BYTES
    case 'object':
      break
    default:
      return 0
  }
  if (value === null) return 0
  let bytes = 0
  if (Array.isArray(value)) {
    for (const entry of value) bytes += SLOT_BYTES + jsonBytes(entry)
    return bytes + ARRAY_BYTES
  }
  const members = Object.entries(value)
  const memberBytes = members.length > MANY_MEMBERS ? HASHED_MEMBER_BYTES : MEMBER_BYTES
  for (const [name, member] of members) bytes += memberBytes + textBytes(name) + jsonBytes(member)
  return bytes + OBJECT_BYTES
}
