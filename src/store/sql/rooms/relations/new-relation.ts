import { hash } from 'node:crypto'
import { isJsonObject, type JsonObject, relationIn } from '#spec'
import type { NewRelation } from '../../../ports/rooms/room-change.ts'

/** Hexadecimal digits that a whole number holds exactly. */
const HASH_DIGITS = 13

/** Stands for an annotation's event type and key, whatever their length. */
export const annotationNumber = (type: string, key: string): number =>
  Number.parseInt(hash('sha256', `${type}\0${key}`, 'hex').slice(0, HASH_DIGITS), 16)

/** The row by which an event that relates to another is found there; undefined for an event without relation. */
export const newRelation = (event: {
  readonly type: string
  readonly stateKey: string | undefined
  readonly content: JsonObject
}): NewRelation | undefined => {
  const { type, stateKey, content } = event
  const relation = relationIn(content)
  if (relation === undefined) return undefined
  const { target, relType, key } = relation
  const edits = relType === 'm.replace' && stateKey === undefined && hasNewContent(type, content)
  const annotation = relType === 'm.annotation' && key !== undefined ? annotationNumber(type, key) : undefined
  return { target, relType, edits, ...(annotation === undefined ? {} : { annotation }) }
}

/** "Validity of replacement events": the new content may be encrypted. */
const hasNewContent = (type: string, content: JsonObject): boolean =>
  type === 'm.room.encrypted' || isJsonObject(content['m.new_content'])
