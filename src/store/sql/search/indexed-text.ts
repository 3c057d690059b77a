import { indexWords } from '#base'
import { isJsonObject, type JsonObject, objectAt, stringAt } from '#spec'
import type { SearchedKey } from '../../ports/search/message-index.ts'

/** The searched types, each with its key and the code of it in the index. */
export const SEARCHED_TYPES: Readonly<Record<string, { readonly key: SearchedKey; readonly code: string }>> = {
  'm.room.message': { key: 'content.body', code: 'b' },
  'm.room.name': { key: 'content.name', code: 'n' },
  'm.room.topic': { key: 'content.topic', code: 't' },
}

export const codeOf = (wanted: SearchedKey): string =>
  Object.values(SEARCHED_TYPES).find(({ key }) => key === wanted)?.code ?? ''

/** The content of a stored event. */
export const contentIn = (json: string): JsonObject =>
  contentAlone(json) ?? objectAt(JSON.parse(json) as JsonObject, 'content') ?? {}

const MEMBER = '"content":'
const BEHIND = ',"depth":'

/**
 * The content parsed without the rest of the event, which is most of it. Stored JSON is canonical, so the content is the first object within and the depth stands
 * behind it, but for a few events; a text that is cut elsewhere than at the content's end has an object left open and cannot be parsed.
 */
const contentAlone = (json: string): JsonObject | undefined => {
  const start = json.indexOf('{', 1)
  const end = json.indexOf(`}${BEHIND}`, start)
  if (end === -1 || !json.startsWith(MEMBER, start - MEMBER.length)) return undefined
  try {
    return JSON.parse(json.slice(start, end + 1)) as JsonObject
  } catch {
    return undefined
  }
}

/** The id of the event that this one replaces the text of, whether it may or not ("Event replacements"). */
export const replacedIn = (json: string): string | undefined => {
  const relation = objectAt(contentIn(json), 'm.relates_to') ?? {}
  return stringAt(relation, 'rel_type') === 'm.replace' ? stringAt(relation, 'event_id') : undefined
}

/** The words of an event, in their order; of a replacement, those that it gives to the original. */
export const wordsIn = (type: string, content: JsonObject, isEdit: boolean): readonly string[] => {
  const shown = isEdit ? (objectAt(content, 'm.new_content') ?? {}) : content
  return textsIn(type, shown).flatMap(indexWords)
}

const textsIn = (type: string, content: JsonObject): readonly string[] => {
  switch (type) {
    case 'm.room.message':
      return listed(stringAt(content, 'body'))
    case 'm.room.name':
      return listed(stringAt(content, 'name'))
    case 'm.room.topic':
      return [...new Set([...listed(stringAt(content, 'topic')), ...plainTopics(content)])]
    default:
      return []
  }
}

/** Bodies of a topic's `text/plain` representations; without a type, one is plain. */
const plainTopics = (content: JsonObject): readonly string[] => {
  const texts = objectAt(content, 'm.topic')?.['m.text']
  if (!Array.isArray(texts)) return []
  return texts.flatMap((text: unknown) =>
    isJsonObject(text) && (text.mimetype ?? 'text/plain') === 'text/plain' ? listed(stringAt(text, 'body')) : [],
  )
}

const listed = (text: string | undefined): readonly string[] => (text === undefined ? [] : [text])
