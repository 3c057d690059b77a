import { type CacheStats, LatestValues, type Soon } from '#base'
import type { Commit, DeviceNumber, ToDeviceReader, ToDeviceWriter, UserNumber } from '#store'
import type { News, NewsHandler, Streams } from '#streams'

const CACHE_BYTES = 8 * 1024 * 1024
/** Messages that one commit removes. */
const REMOVED_AT_ONCE = 1_000

const NONE: ReadonlySet<DeviceNumber> = new Set()

export interface DeviceOfUser {
  readonly user: UserNumber
  readonly device: DeviceNumber
}

export interface InboxesParts {
  readonly reader: ToDeviceReader
  readonly writer: ToDeviceWriter
  readonly commit: Commit
  readonly news: Pick<Streams, 'onNews'>
}

/**
 * The messages that wait for devices: "When the client next performs a /sync [with the token of the answer], the server SHOULD delete
 * the to-device messages" (client-server API, module "Send-to-Device messaging"). Which devices have any is in memory, so most syncs ask the database nothing.
 */
export class Inboxes implements NewsHandler {
  readonly #parts: InboxesParts
  /** The devices of a user for which something waits. Another process may have removed it since; then a look finds nothing. */
  readonly #waiting = new LatestValues<UserNumber, ReadonlySet<DeviceNumber>>({
    name: 'inboxes',
    limitBytes: CACHE_BYTES,
    sizeBytes: (devices) => 160 + devices.size * 64,
  })

  constructor(parts: InboxesParts) {
    this.#parts = parts
    parts.news.onNews(this)
  }

  hasMessages({ user, device }: DeviceOfUser): Soon<boolean> {
    const waiting = this.#waiting.soon(user, async () => {
      const devices = await this.#parts.reader.devicesWithMessages(user)
      return devices.length === 0 ? NONE : new Set(devices)
    })
    return waiting instanceof Promise ? waiting.then((devices) => devices.has(device)) : waiting.has(device)
  }

  /** The device has all up to this position of the stream, as its token shows: these messages are removed, and durably so before this resolves. */
  async acknowledge(owner: DeviceOfUser, upTo: number): Promise<void> {
    if (!(await this.hasMessages(owner))) return
    const { reader, writer, commit } = this.#parts
    if (!(await reader.hasMessagesUpTo(owner.device, upTo))) return
    try {
      for (let removed = REMOVED_AT_ONCE; removed === REMOVED_AT_ONCE; )
        [removed] = await commit([writer.acknowledge(owner.device, upTo, REMOVED_AT_ONCE)])
    } finally {
      this.#waiting.forget(owner.user)
    }
  }

  news(news: readonly News[]): void {
    for (const { stream, users } of news)
      if (stream === 'toDevice') for (const user of users) this.#waiting.forget(user)
  }

  missed(): void {
    this.#waiting.clear()
  }

  stats(): CacheStats {
    return this.#waiting.stats()
  }
}
