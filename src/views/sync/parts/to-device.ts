import type { ToDeviceReader, WaitingMessage } from '#store'
import type { PartAnswer, SyncPart, SyncWindow } from '../request.ts'

/** The knowledge of the domain of which inboxes are not empty. */
export interface InboxesNow {
  hasMessages(owner: { readonly user: number; readonly device: number }): Promise<boolean>
}

export interface ToDevicePartParts {
  readonly reader: ToDeviceReader
  readonly inboxes: InboxesNow
}

/** "The server should limit the number of events to 100" (module "Send-to-Device messaging"); their bytes are limited too. */
const MESSAGES = 100
const BYTES = 1024 * 1024

const textOf = (events: readonly string[]): string => `"to_device":{"events":[${events.join()}]}`
const NOTHING: PartAnswer = { text: textOf([]), isNews: false }

/** `to_device`: messages to the device that have not been acknowledged. Those that do not fit come with the next answer, at once. */
export class ToDevicePart implements SyncPart {
  readonly empty = NOTHING.text
  readonly #parts: ToDevicePartParts

  constructor(parts: ToDevicePartParts) {
    this.#parts = parts
  }

  async look({ viewer: { user, device }, since, now, ignored }: SyncWindow): Promise<PartAnswer> {
    const after = since?.toDevice ?? 0
    const upTo = now.toDevice
    if (device === undefined || after >= upTo) return NOTHING
    if (!(await this.#parts.inboxes.hasMessages({ user, device }))) return NOTHING
    const limits = { limit: MESSAGES, limitBytes: BYTES }
    const { messages, more } = await this.#parts.reader.messages({ device, after, upTo, ...limits })
    const last = messages.at(-1)
    if (last === undefined) return NOTHING
    const shown = messages.filter(({ sender, type }) => type !== KEY_REQUEST || !ignored.has(sender))
    return {
      text: textOf(shown.map(eventText)),
      isNews: more || shown.length > 0,
      ...(more ? { reached: { toDevice: last.position } } : {}),
    }
  }
}

/** Nobody is made to answer these for a person whom they ignore. */
const KEY_REQUEST = 'm.room_key_request'

const eventText = ({ sender, type, contentJson }: WaitingMessage): string =>
  `{"type":${JSON.stringify(type)},"sender":${JSON.stringify(sender)},"content":${contentJson}}`
