import { hash } from 'node:crypto'
import { type Clock, type Logger, yieldToEventLoop } from '#base'
import { type DeviceId, type JsonObject, MatrixError, parseUserId, type ServerName, serverOf, type UserId } from '#spec'
import type { Change, Commit, DeviceNumber, DirectMessages, MessageForDevice, ToDeviceWriter } from '#store'

/** The most bytes of one message's content, as for events. */
const MAX_CONTENT_BYTES = 65_536
/** Characters of contents that are made into text before others get their turn. */
const SLICE_LENGTH = 256 * 1024

/** Users of other servers, whose devices only those know. */
export interface DevicesElsewhere {
  /** Changes that hand the messages on, for the commit that stores those for devices here. Each message may be for all devices of a user: `*`. */
  sending(
    messages: Pick<DirectMessages, 'sender' | 'type' | 'source' | 'id' | 'messages'>,
  ): Promise<readonly Change<unknown>[]>
}

export interface ToDeviceRequest {
  readonly sender: UserId
  readonly device: DeviceNumber
  readonly type: string
  readonly transactionId: string
  /** By user and device. */
  readonly messages: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>
}

/** Messages from another server. */
export interface ReceivedMessages {
  readonly sender: UserId
  readonly type: string
  /** The other server's id for them. */
  readonly id: string
  readonly messages: ToDeviceRequest['messages']
}

export interface ToDeviceParts {
  readonly writer: ToDeviceWriter
  readonly commit: Commit
  readonly elsewhere: DevicesElsewhere
  readonly clock: Clock
  readonly logger: Logger
  readonly serverName: ServerName
  /** Bytes of contents that may wait for one device. */
  readonly inboxBytes: number
}

/** Messages from one device to others, beside the rooms. Client-server API, module "Send-to-Device messaging". */
export class ToDevice {
  readonly #parts: ToDeviceParts

  constructor(parts: ToDeviceParts) {
    this.#parts = parts
  }

  /**
   * Stores the messages in one commit; users and devices that do not exist are passed over. The same transaction of the same device does
   * nothing. Throws `M_TOO_LARGE` for a content of more than 64 KiB; then nothing is stored.
   */
  async send({ sender, device, type, transactionId, messages }: ToDeviceRequest): Promise<void> {
    const { writer, commit, elsewhere, clock, logger, inboxBytes } = this.#parts
    const { here, others } = await this.#texts(messages)
    const request = {
      sender,
      type,
      source: `device ${device}`,
      id: hash('sha256', `${type}\0${transactionId}`, 'base64url'),
    }
    const [{ full }] = await commit([
      writer.send({ ...request, atMs: clock.nowMs(), messages: here, inboxBytes }),
      ...(others.length === 0 ? [] : await elsewhere.sending({ ...request, messages: others })),
    ])
    if (full > 0)
      logger.warn({ sender, type, devices: full }, 'messages were dropped, as the inboxes of their devices are full')
  }

  /** Stores messages of another server for devices here. Takes one with the same id once only; passes over whatever is too large, or for users of other servers. */
  async receive(origin: ServerName, { sender, type, id, messages }: ReceivedMessages): Promise<void> {
    const { writer, commit, clock, logger, inboxBytes } = this.#parts
    const { here } = await this.#texts(messages, 'without what is too large')
    const source = `server ${origin}`
    const [{ full }] = await commit([
      writer.send({
        sender,
        type,
        source,
        id: hash('sha256', id, 'base64url'),
        atMs: clock.nowMs(),
        messages: here,
        inboxBytes,
      }),
    ])
    if (full > 0)
      logger.warn({ sender, type, devices: full }, 'messages were dropped, as the inboxes of their devices are full')
  }

  /** Makes texts of the contents, in slices: there may be megabytes of them. */
  async #texts(messages: ToDeviceRequest['messages'], which?: 'without what is too large') {
    const here: MessageForDevice[] = []
    const others: MessageForDevice[] = []
    let length = 0
    for (const [name, contents] of Object.entries(messages)) {
      const userId = parseUserId(name)
      if (userId === undefined) continue
      const into = serverOf(userId) === this.#parts.serverName ? here : others
      for (const [deviceId, content] of Object.entries(contents)) {
        const contentJson = JSON.stringify(content)
        const isTooLarge = Buffer.byteLength(contentJson) > MAX_CONTENT_BYTES
        if (isTooLarge && which !== undefined) continue
        if (isTooLarge)
          throw new MatrixError('M_TOO_LARGE', `The content of a message has at most ${MAX_CONTENT_BYTES} bytes`)
        into.push({ userId, deviceId: deviceId as DeviceId, contentJson })
        length += contentJson.length
        if (length < SLICE_LENGTH) continue
        length = 0
        await yieldToEventLoop(this.#parts.clock)
      }
    }
    return { here, others }
  }
}
