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

/** Senders of one request have one key; more are not looked for. */
const MAX_KEYS = 20

/** The identity keys of the devices that encrypted the messages, as they say themselves. Client-server API, "m.room.encrypted", Olm. */
export const senderKeysIn = ({ type, messages }: ReceivedMessages): ReadonlySet<string> => {
  const keys = new Set<string>()
  if (type !== 'm.room.encrypted') return keys
  for (const contents of Object.values(messages)) {
    for (const content of Object.values(contents)) {
      const key = stringAt(content, 'sender_key')
      if (key !== undefined && keys.size < MAX_KEYS) keys.add(key)
    }
  }
  return keys
}
