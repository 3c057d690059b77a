import type { JsonObject } from '#spec'
import type { PresenceEntry } from './presence-now.ts'

/** Forms of `m.presence`: for `/sync`, for the event stream, and for the event stream of 2015. */
export type PresenceForm = 'sync' | 'stream' | 'old'

/** One entry has many readers: its text is made once for each form. */
const texts: Readonly<Record<PresenceForm, WeakMap<PresenceEntry, string>>> = {
  sync: new WeakMap(),
  stream: new WeakMap(),
  old: new WeakMap(),
}

/** The event's JSON text. In the event streams the content names the user, as it did before events had a `sender`. */
export const presenceText = (entry: PresenceEntry, form: PresenceForm): string => {
  const known = texts[form].get(entry)
  if (known !== undefined) return known
  const { userId: sender } = entry
  const content = presenceContent(entry.content, form === 'old')
  const text = JSON.stringify({
    type: 'm.presence',
    sender,
    content: form === 'sync' ? content : { ...content, user_id: sender },
  })
  texts[form].set(entry, text)
  return text
}

/** Texts of arrays that many readers share. */
const joined: Readonly<Record<PresenceForm, WeakMap<readonly PresenceEntry[], string>>> = {
  sync: new WeakMap(),
  stream: new WeakMap(),
  old: new WeakMap(),
}

/** Their JSON texts, joined by commas. */
export const presenceTexts = (entries: readonly PresenceEntry[], form: PresenceForm): string => {
  if (entries.length === 0) return ''
  const known = joined[form].get(entries)
  if (known !== undefined) return known
  const text = entries.map((entry) => presenceText(entry, form)).join()
  joined[form].set(entries, text)
  return text
}

/** `free_for_chat` (2015) is `online` for clients of today, which do not know it. */
export const presenceContent = (content: JsonObject, isOld: boolean): JsonObject =>
  content.presence === 'free_for_chat' && !isOld ? { ...content, presence: 'online' } : content
