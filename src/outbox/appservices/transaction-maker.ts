import type { UserId } from '#spec'
import type {
  AppservicesOutReader,
  DeliveredInbox,
  DeviceListsToldReader,
  EventsReader,
  ServicePositions,
  StoredEvent,
} from '#store'
import type { Departures } from './departures.ts'
import type { DeviceNews } from './device-news.ts'
import type { EphemeralNews } from './ephemeral-news.ts'
import type { Interest } from './interest.ts'
import type { ServedAppservice } from './served.ts'
import { takeEntriesFrom, type Waiting } from './waiting.ts'

export interface TransactionMakerParts {
  readonly reader: Pick<AppservicesOutReader, 'eventIdsIn'>
  readonly rooms: Pick<EventsReader, 'events'>
  readonly deviceLists: Pick<DeviceListsToldReader, 'changesAfter'>
  readonly interest: Interest
  readonly ephemeral: EphemeralNews
  readonly devices: DeviceNews
  readonly departures: Departures
  /** The event in the form for clients. */
  readonly textOf: (event: StoredEvent) => string
}

export interface Made {
  readonly body: string
  /** 0: nothing concerns the service, and the positions alone move. */
  readonly items: number
  readonly inboxes: readonly DeliveredInbox[]
  readonly positions: ServicePositions
}

/** The most of each kind in one transaction. */
export const MOST_OF_A_KIND = 100
const MOST_BYTES = 2 * 1024 * 1024
/** Positions of the stream of events that are looked at for one transaction. */
const STRETCH = 5_000

/** Makes transactions of what waits for a service (application service API, "Pushing events"; MSC2409, MSC3202, MSC4203). */
export class TransactionMaker {
  readonly #parts: TransactionMakerParts

  constructor(parts: TransactionMakerParts) {
    this.#parts = parts
  }

  /**
   * Takes from `waiting` what goes into the transaction, or turns out to be of no concern. `waiting` is what was found up to these positions, and nothing later: that
   * would be taken out of it without being read.
   */
  async make(
    service: ServedAppservice,
    waiting: Waiting,
    after: ServicePositions,
    upTo: ServicePositions,
  ): Promise<Made> {
    const events = await this.#events(service, waiting, after.events, upTo.events)
    const ephemeral = await this.#parts.ephemeral.take(service, waiting, after.receipts, upTo.receipts)
    const lists = await this.#deviceLists(service, waiting, after.deviceLists, upTo.deviceLists)
    const isFollowing = service.registration.encryption
    const left = isFollowing ? await this.#parts.departures.of(service, events.told) : []
    const inboxes = takeEntriesFrom(waiting.inboxes, MOST_OF_A_KIND)
    const devices = await this.#parts.devices.of(service, inboxes)
    for (const [user, userId] of devices.left) waiting.inboxes.set(user, userId)
    const members = [
      `"events":[${events.texts.join()}]`,
      ...named(service, ephemeral.texts),
      ...(devices.messages.length === 0 ? [] : [`"de.sorunome.msc2409.to_device":[${devices.messages.join()}]`]),
      ...(lists.changed.length + left.length === 0
        ? []
        : [`"org.matrix.msc3202.device_lists":${JSON.stringify({ changed: lists.changed, left })}`]),
      ...devices.counts,
    ]
    return {
      body: `{${members.join()}}`,
      items:
        events.texts.length +
        ephemeral.texts.length +
        devices.messages.length +
        lists.changed.length +
        left.length +
        devices.counts.length,
      inboxes: devices.inboxes,
      positions: { events: events.reached, receipts: ephemeral.receipts, deviceLists: lists.reached },
    }
  }

  async #events(service: ServedAppservice, waiting: Waiting, after: number, upTo: number) {
    const { reader, rooms, interest, textOf } = this.#parts
    const asked = waiting.rooms
    if (asked.size === 0 || after >= upTo) {
      asked.clear()
      return { told: [], texts: [], reached: Math.max(after, upTo) }
    }
    const end = Math.min(upTo, after + STRETCH)
    const ids = await reader.eventIdsIn([...asked], { after, upTo: end, limit: MOST_OF_A_KIND })
    const texts: string[] = []
    const told: StoredEvent[] = []
    let sizeBytes = 0
    let reached = ids.length < MOST_OF_A_KIND ? end : (ids.at(-1)?.position ?? end)
    for (const event of await rooms.events(ids.map(({ eventId }) => eventId))) {
      if (!(await interest.isEventOf(service, event))) continue
      const text = textOf(event)
      if (texts.length > 0 && sizeBytes + text.length > MOST_BYTES) {
        reached = event.position - 1
        break
      }
      texts.push(text)
      told.push(event)
      sizeBytes += text.length
    }
    if (reached >= upTo) asked.clear()
    return { told, texts, reached }
  }

  /** Users whose devices changed, and who are the service's or in a room with it. */
  async #deviceLists(service: ServedAppservice, waiting: Waiting, after: number, upTo: number) {
    const { deviceLists, devices } = this.#parts
    const isAsked = waiting.deviceLists
    waiting.deviceLists = false
    if (!service.registration.encryption || !isAsked || after >= upTo)
      return { changed: [], reached: Math.max(after, upTo) }
    const changes = await deviceLists.changesAfter(after, MOST_OF_A_KIND)
    const users = new Set<UserId>()
    for (const { userId, position } of changes) if (position <= upTo) users.add(userId)
    const changed: UserId[] = []
    for (const userId of users) if (await devices.isKnownTo(service, userId)) changed.push(userId)
    const reached = changes.length < MOST_OF_A_KIND ? upTo : Math.min(upTo, changes.at(-1)?.position ?? upTo)
    if (reached < upTo) waiting.deviceLists = true
    return { changed, reached }
  }
}

/** EDUs under the names that the registration asks for. */
const named = ({ registration: { ephemeral } }: ServedAppservice, texts: readonly string[]): readonly string[] => {
  if (texts.length === 0) return []
  const list = `[${texts.join()}]`
  return [
    ...(ephemeral.stable ? [`"ephemeral":${list}`] : []),
    ...(ephemeral.legacy ? [`"de.sorunome.msc2409.ephemeral":${list}`] : []),
  ]
}
