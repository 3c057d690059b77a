import type { UserId } from '#spec'
import type {
  AppservicesOutReader,
  DeliveredInbox,
  DeviceKeysReader,
  KeyCounts,
  ToDeviceReader,
  UserNumber,
} from '#store'
import type { Interest } from './interest.ts'
import type { ServedAppservice } from './served.ts'

export interface DeviceNewsParts {
  readonly reader: Pick<AppservicesOutReader, 'devicesOf'>
  readonly messages: Pick<ToDeviceReader, 'messages' | 'devicesWithMessages'>
  readonly keys: Pick<DeviceKeysReader, 'counts'>
  readonly interest: Interest
  /** The newest position of the stream of messages between devices. */
  readonly position: () => number
}

type Owner = readonly [UserNumber, UserId]

export interface DevicesTold {
  /** JSON. */
  readonly messages: readonly string[]
  readonly inboxes: readonly DeliveredInbox[]
  /** Members of the transaction, about keys. */
  readonly counts: readonly string[]
  /** Users of whom more waits. */
  readonly left: readonly Owner[]
}

const MOST_MESSAGES = 100
const MOST_BYTES = 1024 * 1024

/** Tells services of what concerns the devices of their users: messages, and how many keys are left. */
export class DeviceNews {
  readonly #parts: DeviceNewsParts

  constructor(parts: DeviceNewsParts) {
    this.#parts = parts
  }

  /** Whether the service has to know the user's devices: the user is one of its own, or in a room that concerns it. */
  async isKnownTo(service: ServedAppservice, userId: UserId): Promise<boolean> {
    if (service.hasUser(userId)) return true
    return this.#parts.interest.sharesRoom(service, userId)
  }

  /** `inboxes`: users for whose devices messages may wait, or whose counts of keys changed. */
  async of(service: ServedAppservice, inboxes: readonly Owner[]): Promise<DevicesTold> {
    if (!service.registration.encryption) return { messages: [], inboxes: [], counts: [], left: [] }
    const messages: string[] = []
    const delivered: DeliveredInbox[] = []
    const left: Owner[] = []
    let bytesLeft = MOST_BYTES
    for (const owner of inboxes) {
      const [user, userId] = owner
      const names = new Map(
        (await this.#parts.reader.devicesOf(user)).map(({ device, deviceId }) => [device, deviceId]),
      )
      for (const device of await this.#parts.messages.devicesWithMessages(user)) {
        const limit = MOST_MESSAGES - messages.length
        const deviceId = names.get(device)
        if (deviceId === undefined) continue
        if (limit <= 0 || bytesLeft <= 0) {
          left.push(owner)
          break
        }
        const query = { device, after: 0, upTo: this.#parts.position(), limit, limitBytes: bytesLeft }
        const found = await this.#parts.messages.messages(query)
        for (const { sender, type, contentJson } of found.messages) {
          bytesLeft -= contentJson.length
          const around = JSON.stringify({ type, sender, to_user_id: userId, to_device_id: deviceId })
          messages.push(`${around.slice(0, -1)},"content":${contentJson}}`)
        }
        const last = found.messages.at(-1)
        if (last !== undefined) delivered.push({ device, position: last.position })
        if (found.more) left.push(owner)
      }
    }
    return { messages, inboxes: delivered, counts: await this.#counts(inboxes), left }
  }

  async #counts(owners: readonly Owner[]): Promise<readonly string[]> {
    const oneTime: Record<string, Record<string, KeyCounts['oneTimeKeys']>> = {}
    const fallback: Record<string, Record<string, KeyCounts['unusedFallbackKeys']>> = {}
    for (const [user, userId] of owners)
      for (const { device, deviceId } of await this.#parts.reader.devicesOf(user)) {
        const { oneTimeKeys, unusedFallbackKeys } = await this.#parts.keys.counts(device)
        oneTime[userId] = { ...oneTime[userId], [deviceId]: { signed_curve25519: 0, ...oneTimeKeys } }
        fallback[userId] = { ...fallback[userId], [deviceId]: unusedFallbackKeys }
      }
    if (Object.keys(oneTime).length === 0) return []
    const counts = JSON.stringify(oneTime)
    return [
      `"org.matrix.msc3202.device_one_time_keys_count":${counts}`,
      // The name in the first versions of the proposal, which bridges still read.
      `"org.matrix.msc3202.device_one_time_key_counts":${counts}`,
      `"org.matrix.msc3202.device_unused_fallback_key_types":${JSON.stringify(fallback)}`,
    ]
  }
}
