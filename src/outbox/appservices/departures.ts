import { isJsonObject, parseUserId, stringAt, type UserId } from '#spec'
import type { DeviceListsReader, StoredEvent } from '#store'
import type { Interest } from './interest.ts'
import type { ServedAppservice } from './served.ts'

export interface DeparturesParts {
  readonly reader: Pick<DeviceListsReader, 'joinedAt' | 'userIds'>
  readonly interest: Interest
}

/** Users looked at for one transaction; more come together only where a service leaves a large room. */
const MOST_USERS = 1_000

/** Finds users with whom a service shares no room any more, so that it need not follow their devices ("Tracking the device list for a user"; MSC3202). */
export class Departures {
  readonly #parts: DeparturesParts

  constructor(parts: DeparturesParts) {
    this.#parts = parts
  }

  /** `events`: what the service is told now. */
  async of(service: ServedAppservice, events: readonly StoredEvent[]): Promise<readonly UserId[]> {
    const maybe = new Set<UserId>()
    for (const event of events) {
      const departed = departedBy(event)
      if (departed === undefined || maybe.size >= MOST_USERS) continue
      if (!service.hasUser(departed)) maybe.add(departed)
      else for (const userId of await this.#leftBehind(service, event)) maybe.add(userId)
    }
    const left: UserId[] = []
    for (const userId of maybe)
      if (!service.hasUser(userId) && !(await this.#parts.interest.sharesRoom(service, userId))) left.push(userId)
    return left
  }

  /** Those in a room that a user of the service left, if it has none there now. */
  async #leftBehind(service: ServedAppservice, { room, position }: StoredEvent): Promise<readonly UserId[]> {
    const { reader, interest } = this.#parts
    if (await interest.isRoomOf(service, room)) return []
    return reader.userIds((await reader.joinedAt([room], position)).slice(0, MOST_USERS))
  }
}

/** The user whom a member event takes out of a room. */
const departedBy = ({ type, stateKey, json, replaces }: StoredEvent): UserId | undefined => {
  if (type !== 'm.room.member' || replaces === undefined) return undefined
  return isJoin(replaces.json) && !isJoin(json) ? parseUserId(stateKey ?? '') : undefined
}

const isJoin = (json: string): boolean => {
  const event: unknown = JSON.parse(json)
  return isJsonObject(event) && isJsonObject(event.content) && stringAt(event.content, 'membership') === 'join'
}
