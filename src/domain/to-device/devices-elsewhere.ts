import { hash } from 'node:crypto'
import { type Clock, type Logger, yieldToEventLoop } from '#base'
import { canonicalJson } from '#rules'
import { type JsonValue, type ServerName, serverOf, type UserId } from '#spec'
import type { Change, DirectMessages, FederationOutWriter, MessageForDevice } from '#store'
import type { DevicesElsewhere } from './to-device.ts'

export interface QueuedDevicesParts {
  readonly writer: Pick<FederationOutWriter, 'queueEdu'>
  readonly clock: Clock
  readonly logger: Logger
}

/** The size of an EDU that servers agree on. One message alone may be as large already. */
const MAX_EDU_BYTES = 65_536
/** Room for what stands around the messages. */
const AROUND_BYTES = 1_024
const MAX_ID_LENGTH = 32

type Request = Parameters<DevicesElsewhere['sending']>[0]

/** Messages to devices of other servers wait, as EDUs, until those servers take them. Server-server API, "Send-to-device messaging". */
export class QueuedDevices implements DevicesElsewhere {
  readonly #parts: QueuedDevicesParts

  constructor(parts: QueuedDevicesParts) {
    this.#parts = parts
  }

  async sending(request: Request): Promise<readonly Change<unknown>[]> {
    const { writer, clock } = this.#parts
    const changes: Change<unknown>[] = []
    for (const [server, messages] of byServer(request.messages)) {
      let edu = new DirectEdu(request, server, 0)
      for (const { userId, deviceId, contentJson } of messages) {
        const content = canonicalJson(JSON.parse(contentJson) as JsonValue)
        if (!content.ok) {
          this.#parts.logger.info(
            { sender: request.sender, type: request.type },
            'a message to a device has numbers that no server can sign',
          )
          continue
        }
        if (!edu.fits(content.value)) {
          changes.push(writer.queueEdu(edu.queued()))
          edu = edu.next()
          await yieldToEventLoop(clock)
        }
        edu.add(userId, deviceId, content.value)
      }
      if (!edu.isEmpty) changes.push(writer.queueEdu(edu.queued()))
      await yieldToEventLoop(clock)
    }
    return changes
  }
}

/** The text of one EDU, which is made piece by piece. */
class DirectEdu {
  readonly #request: Request
  readonly #server: ServerName
  readonly #index: number
  readonly #users = new Map<UserId, Map<string, string>>()
  #sizeBytes = AROUND_BYTES

  constructor(request: Request, server: ServerName, index: number) {
    this.#request = request
    this.#server = server
    this.#index = index
  }

  get isEmpty(): boolean {
    return this.#users.size === 0
  }

  fits(contentJson: string): boolean {
    return this.isEmpty || this.#sizeBytes + Buffer.byteLength(contentJson) <= MAX_EDU_BYTES
  }

  add(userId: UserId, deviceId: string, contentJson: string): void {
    const devices = this.#users.get(userId) ?? new Map<string, string>()
    this.#users.set(userId, devices)
    devices.set(deviceId, contentJson)
    this.#sizeBytes += Buffer.byteLength(contentJson) + Buffer.byteLength(deviceId) + Buffer.byteLength(userId) + 16
  }

  next(): DirectEdu {
    return new DirectEdu(this.#request, this.#server, this.#index + 1)
  }

  /** Canonical JSON. A repeated request of a client has the same ids, so it is not delivered twice. */
  queued() {
    const { sender, type, source, id } = this.#request
    const name = [source, id, this.#server, String(this.#index)].join('\0')
    const messageId = hash('sha256', name, 'base64url').slice(0, MAX_ID_LENGTH)
    const members = [
      `"message_id":${JSON.stringify(messageId)}`,
      `"messages":${sorted([...this.#users].map(([userId, devices]) => [userId, sorted([...devices])]))}`,
      `"sender":${canonicalText(sender)}`,
      `"type":${canonicalText(type)}`,
    ]
    const json = `{"content":{${members.join()}},"edu_type":"m.direct_to_device"}`
    return { servers: [this.#server], json, key: `m.direct_to_device ${messageId}` }
  }
}

const byServer = (messages: DirectMessages['messages']): ReadonlyMap<ServerName, readonly MessageForDevice[]> => {
  const servers = new Map<ServerName, MessageForDevice[]>()
  for (const message of messages) {
    const server = serverOf(message.userId)
    const ofServer = servers.get(server)
    if (ofServer === undefined) servers.set(server, [message])
    else ofServer.push(message)
  }
  return servers
}

/** An object in canonical JSON, of members whose values are such texts. */
const sorted = (members: readonly (readonly [string, string])[]): string =>
  `{${members
    .toSorted(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
    .map(([name, json]) => `${canonicalText(name)}:${json}`)
    .join()}}`

const canonicalText = (text: string): string => {
  const json = canonicalJson(text)
  return json.ok ? json.value : JSON.stringify(text)
}
