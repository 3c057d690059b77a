import { type EventId, parseEventId } from './ids.ts'
import { isJsonObject, type JsonObject, stringAt } from './json.ts'

/** The relation that an event's content names ("Relationships between events"). */
export interface Relation {
  readonly target: EventId
  readonly relType: string
  /** Of annotations: the reaction. */
  readonly key: string | undefined
}

/** No specification limits `rel_type`; a longer one is treated as no relation, so that it fits into every index. */
const MAX_REL_TYPE_LENGTH = 255

/** undefined where there is none, or one that is malformed. A reply alone (`m.in_reply_to`) is no relation. */
export const relationIn = (content: JsonObject): Relation | undefined => {
  const relation = Object.hasOwn(content, 'm.relates_to') ? content['m.relates_to'] : undefined
  if (!isJsonObject(relation)) return undefined
  const target = parseEventId(stringAt(relation, 'event_id') ?? '')
  const relType = stringAt(relation, 'rel_type')
  if (target === undefined || relType === undefined || !isStorable(relType)) return undefined
  return { target, relType, key: stringAt(relation, 'key') }
}

const isStorable = (text: string): boolean =>
  text !== '' && text.length <= MAX_REL_TYPE_LENGTH && !text.includes('\0') && text.isWellFormed()
