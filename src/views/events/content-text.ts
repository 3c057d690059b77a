import { endOfJsonString } from '#rules'

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_LIST = 0x5b
const BACKSLASH = 0x5c
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

const NAME = 'content'

/**
 * The text of the member `content` of a stored event's JSON: most who tell an event need nothing else of it, and to cut the text out costs a fraction of
 * parsing all and writing the content again. undefined where that text is not there or cannot be told for sure, as with spaces or an escaped name; the JSON is to be parsed then.
 */
export const contentTextOf = (json: string): string | undefined => {
  if (json.charCodeAt(0) !== OPEN_OBJECT) return undefined
  let at = 1
  while (json.charCodeAt(at) === QUOTE) {
    const nameEnd = json.indexOf('"', at + 1)
    const start = nameEnd + 2
    if (nameEnd === -1 || json.charCodeAt(nameEnd - 1) === BACKSLASH || json.charCodeAt(nameEnd + 1) !== COLON)
      return undefined
    const end = endOfValue(json, start)
    if (end === undefined) return undefined
    if (nameEnd - at - 1 === NAME.length && json.startsWith(NAME, at + 1))
      return json.charCodeAt(start) === OPEN_OBJECT ? json.slice(start, end) : undefined
    if (json.charCodeAt(end) !== COMMA) return undefined
    at = end + 1
  }
  return undefined
}

/** The index behind the value; undefined, or an index behind the text, where it does not end. */
const endOfValue = (json: string, start: number): number | undefined => {
  let depth = 0
  for (let at = start; at < json.length; at++) {
    const character = json.charCodeAt(at)
    switch (character) {
      case OPEN_OBJECT:
      case OPEN_LIST:
        depth++
        continue
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        depth--
        break
      case QUOTE:
        at = endOfJsonString(json, at)
        break
      case COMMA:
        // A number or word ends before it.
        if (depth === 0) return at
        continue
      default:
        continue
    }
    if (depth <= 0) return depth === 0 ? at + 1 : undefined
  }
  return undefined
}
