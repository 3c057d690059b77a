import type { Soon } from '#base'
import type { UserId } from '#spec'
import type { DeviceNumber, ToDeviceReader, UserNumber, WaitingMessage } from '#store'

/** The knowledge of the domain of which inboxes are not empty. */
export interface InboxesNow {
  hasMessages(owner: { readonly user: UserNumber; readonly device: DeviceNumber }): Soon<boolean>
}

export interface WaitingMessagesParts {
  readonly reader: Pick<ToDeviceReader, 'messages'>
  readonly inboxes: InboxesNow
}

export interface WaitingMessagesWant {
  readonly owner: { readonly user: UserNumber; readonly device: DeviceNumber | undefined }
  /** Messages with `after` < position <= `upTo`. */
  readonly after: number
  readonly upTo: number
  readonly limit: number
  readonly ignored: ReadonlySet<UserId>
}

export interface WaitingTexts {
  readonly texts: readonly string[]
  /** The position up to which there are no others. */
  readonly reached: number
  /** Whether more wait above that. */
  readonly more: boolean
}

/** "The server should limit the number of events to 100" (module "Send-to-Device messaging"); their bytes are limited too. */
export const MOST_MESSAGES = 100
const BYTES = 1024 * 1024

/** The texts of messages that wait for a device. */
export const waitingTexts = async (
  { reader, inboxes }: WaitingMessagesParts,
  { owner: { user, device }, after, upTo, limit, ignored }: WaitingMessagesWant,
): Promise<WaitingTexts> => {
  const nothing: WaitingTexts = { texts: [], reached: upTo, more: false }
  if (device === undefined || after >= upTo || !(await inboxes.hasMessages({ user, device }))) return nothing
  const { messages, more } = await reader.messages({ device, after, upTo, limit, limitBytes: BYTES })
  const shown = messages.filter(({ sender, type }) => type !== KEY_REQUEST || !ignored.has(sender))
  const reached = more ? (messages.at(-1)?.position ?? upTo) : upTo
  return { texts: shown.map(eventText), reached, more }
}

/** Nobody is made to answer these for a person whom they ignore. */
const KEY_REQUEST = 'm.room_key_request'

const eventText = ({ sender, type, contentJson }: WaitingMessage): string =>
  `{"type":${JSON.stringify(type)},"sender":${JSON.stringify(sender)},"content":${contentJson}}`
