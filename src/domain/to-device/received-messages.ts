import { isJsonObject, type JsonObject, parseUserId, stringAt } from '#spec'
import type { ReceivedMessages } from './to-device.ts'

const MAX_LENGTH = 255

/** The content of an `m.direct_to_device` EDU; undefined where it is malformed. Whatever is no message among its messages is left out. */
export const directMessagesIn = (content: JsonObject): ReceivedMessages | undefined => {
  const sender = parseUserId(stringAt(content, 'sender') ?? '')
  const [type, id] = [shortText(content, 'type'), shortText(content, 'message_id')]
  if (sender === undefined || type === undefined || id === undefined || !isJsonObject(content.messages))
    return undefined
  const messages: [string, Readonly<Record<string, JsonObject>>][] = []
  for (const [userId, devices] of Object.entries(content.messages)) {
    if (!isJsonObject(devices)) continue
    const contents = Object.entries(devices).filter((entry): entry is [string, JsonObject] => isJsonObject(entry[1]))
    messages.push([userId, Object.fromEntries(contents)])
  }
  return { sender, type, id, messages: Object.fromEntries(messages) }
}

const shortText = (content: JsonObject, name: string): string | undefined => {
  const text = stringAt(content, name)
  return text === undefined || text === '' || text.length > MAX_LENGTH || text.includes('\u0000') ? undefined : text
}
