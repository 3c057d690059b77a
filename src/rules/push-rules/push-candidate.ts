import type { JsonValue, RoomEvent } from '#spec'
import { isJsonObject } from '#spec'
import type { FoldedText } from './folded-text.ts'
import { foldText } from './folded-text.ts'

/**
 * Cuts a dot-separated path (appendices, "Dot-separated property paths"): `\.` is a dot and `\\` a backslash in a name;
 * any other backslash stands for itself.
 */
export const splitPropertyPath = (path: string): readonly string[] => {
  const names: string[] = []
  let name = ''
  for (let index = 0; index < path.length; index++) {
    const character = path.charAt(index)
    const next = path.charAt(index + 1)
    if (character === '\\' && (next === '.' || next === '\\')) {
      name += next
      index++
    } else if (character === '.') {
      names.push(name)
      name = ''
    } else {
      name += character
    }
  }
  names.push(name)
  return names
}

/** A property's path, cut once when a rule is compiled. */
export interface PropertyPath {
  readonly text: string
  readonly names: readonly string[]
}

/** Limit in UTF-16 units; a longer path leads nowhere. */
export const MAX_PATH_LENGTH = 1_000

export const toPropertyPath = (text: string): PropertyPath => ({ text, names: splitPropertyPath(text) })

/**
 * An event held against the rules of many users: what of it has been looked up and folded is kept, so that the second
 * user's evaluation pays nothing for it.
 */
export interface PushCandidate {
  readonly event: RoomEvent
  /** undefined when the property is absent. */
  readonly valueAt: (path: PropertyPath) => JsonValue | undefined
  /** undefined when the property is no string. */
  readonly textAt: (path: PropertyPath) => FoldedText | undefined
}

/** Rules of many users ask for many paths, and all of them are remembered for one event only up to this number. */
const MAX_REMEMBERED_PATHS = 256

export const toPushCandidate = (event: RoomEvent): PushCandidate => {
  const texts = new Map<string, FoldedText | null>()
  const textAt = (path: PropertyPath): FoldedText | undefined => {
    const remembered = texts.get(path.text)
    if (remembered !== undefined) return remembered ?? undefined
    const value = lookUp(event, path.names)
    const text = typeof value === 'string' ? foldText(value) : undefined
    if (texts.size < MAX_REMEMBERED_PATHS) texts.set(path.text, text ?? null)
    return text
  }
  return { event, textAt, valueAt: (path) => lookUp(event, path.names) }
}

const lookUp = (event: RoomEvent, names: readonly string[]): JsonValue | undefined => {
  let value = topLevel(event, names[0] ?? '')
  for (let depth = 1; depth < names.length; depth++) {
    const name = names[depth] as string
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined
    value = value[name]
  }
  return value
}

const topLevel = (event: RoomEvent, name: string): JsonValue | undefined => {
  switch (name) {
    case 'content':
      return event.content
    case 'type':
      return event.type
    case 'sender':
      return event.sender
    case 'room_id':
      return event.roomId
    case 'state_key':
      return event.stateKey
    case 'event_id':
      return event.eventId
    case 'origin_server_ts':
      return event.originServerTs
    case 'redacts':
      return event.redacts
    default:
      return undefined
  }
}
