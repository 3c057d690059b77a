import type { JsonObject } from '#spec'
import type { PresenceEntry } from './sync/request.ts'

/** How `m.presence` is written: for `/sync`, for the event stream, and for the event stream of 2015. */
export type PresenceForm = 'sync' | 'stream' | 'old'

/** Entries are the same object for many readers: each is written once for each form. */
const texts: Readonly<Record<PresenceForm, WeakMap<PresenceEntry, string>>> = {
  sync: new WeakMap(),
  stream: new WeakMap(),
  old: new WeakMap(),
}

/** The event's JSON text. In the event streams the content says whose presence it is, as it did before events had a `sender`. */
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

/** The same for arrays that many readers share. */
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

/** `free_for_chat` is of 2015; for clients of today, who do not know it, it is `online`. */
export const presenceContent = (content: JsonObject, isOld: boolean): JsonObject =>
  content.presence === 'free_for_chat' && !isOld ? { ...content, presence: 'online' } : content
