import type { Soon } from '#base'
import { type PowerLevels, type PushContext, powerLevelsOf, toRoomEvent } from '#rules'
import { type JsonObject, objectAt, type Pdu, ROOM_VERSIONS, stringAt, type UserId } from '#spec'
import type { EventsReader, RoomStateReader, StoredEvent } from '#store'
import type { ClientEvents } from '../events/client-event.ts'
import type { JudgedRoom } from './judged-room.ts'

export interface FactsWant {
  readonly userId: UserId
  readonly room: JudgedRoom
  /** Position of the user's newest member event. */
  readonly memberAt: number
  /** The range begins right after this position. */
  readonly after: number
  /** All events of the room after that, where they are in memory. */
  readonly held: readonly StoredEvent[] | undefined
  /** The user's name in the room right before the range, where it is known. */
  readonly named: RoomName | undefined
}

export interface RoomName {
  readonly displayName: string | undefined
}

export interface FactsParts {
  readonly reader: EventsReader & RoomStateReader
  readonly clientEvents: ClientEvents
}

interface Levels {
  readonly levels: PowerLevels
  readonly notificationLevels: JsonObject | undefined
}

interface FactsAtOnce {
  readonly memberCount: number
  readonly displayName: string | undefined
  readonly levels: Levels
}

/**
 * The facts that push rules ask for besides the event, as they were right after each event of a range: judged later, an event must have the
 * verdict that it had at once. Facts that did not change within the range are those of now.
 */
export class FactsAtEvents {
  readonly #parts: FactsParts
  readonly #want: FactsWant
  #memberCount: number
  #displayName: string | undefined
  #levels: Levels

  private constructor(parts: FactsParts, want: FactsWant, { memberCount, displayName, levels }: FactsAtOnce) {
    this.#parts = parts
    this.#want = want
    this.#memberCount = memberCount
    this.#displayName = displayName
    this.#levels = levels
  }

  static before(want: FactsWant, parts: FactsParts): Soon<FactsAtEvents> {
    const { room, after, named } = want
    const memberCount = memberCountAtHand(want, parts)
    if (named === undefined || room.levelsPosition > after || memberCount === undefined)
      return FactsAtEvents.#read(want, parts)
    return new FactsAtEvents(parts, want, { memberCount, displayName: named.displayName, levels: room })
  }

  static async #read(want: FactsWant, parts: FactsParts): Promise<FactsAtEvents> {
    const { room, after, named = await nameBefore(want, parts) } = want
    const number = room.record.room
    const levels =
      room.levelsPosition <= after
        ? room
        : await levelsOf(await parts.reader.stateEvent(number, after, 'm.room.power_levels', ''), want, parts)
    return new FactsAtEvents(parts, want, {
      memberCount: memberCountAtHand(want, parts) ?? (await memberCountRead(want, parts)),
      displayName: named.displayName,
      levels,
    })
  }

  /** Goes on to the next event. Nearly always at once: no promise then. */
  step(event: StoredEvent): Promise<void> | undefined {
    const { type, stateKey } = event
    if (type === 'm.room.member' && stateKey !== undefined) {
      this.#memberCount += joinsOf(event, this.#parts.clientEvents)
      if (stateKey === this.#want.userId)
        this.#displayName = stringAt(this.#parts.clientEvents.content(event), 'displayname')
    }
    const isChange = type === 'm.room.power_levels' && stateKey === ''
    return isChange && this.#want.room.levelsPosition > this.#want.after ? this.#setLevels(event) : undefined
  }

  async #setLevels(event: StoredEvent): Promise<void> {
    this.#levels = await levelsOf(event, this.#want, this.#parts)
  }

  /** The user's name after the events so far. */
  get named(): RoomName {
    return { displayName: this.#displayName }
  }

  /** `isSubscribed`: to the event's thread. */
  contextFor(sender: UserId, isSubscribed: boolean | undefined): PushContext {
    const { levels, notificationLevels } = this.#levels
    return {
      userId: this.#want.userId,
      displayName: this.#displayName,
      memberCount: this.#memberCount,
      notificationPowerLevels: notificationLevels,
      senderPowerLevel: levels.ofUser(sender),
      isSubscribed,
    }
  }
}

const levelsOf = async (
  stored: StoredEvent | undefined,
  { room }: FactsWant,
  { reader }: FactsParts,
): Promise<Levels> => {
  const version = ROOM_VERSIONS.get(room.record.version)
  if (version === undefined) return room
  const create = await reader.stateEvent(room.record.room, 'current', 'm.room.create', '')
  const asEvent = (event: StoredEvent | undefined) =>
    event === undefined ? undefined : toRoomEvent(version, JSON.parse(event.json) as Pdu, event.eventId)
  const levels = asEvent(stored)
  return {
    levels: powerLevelsOf(version, asEvent(create), levels),
    notificationLevels: objectAt(levels?.content ?? {}, 'notifications'),
  }
}

const nameBefore = async ({ room, userId, memberAt, after }: FactsWant, parts: FactsParts): Promise<RoomName> => {
  const at = memberAt <= after ? 'current' : after
  const member = await parts.reader.stateEvent(room.record.room, at, 'm.room.member', userId)
  if (member === undefined) return { displayName: undefined }
  return { displayName: stringAt(parts.clientEvents.content(member), 'displayname') }
}

/** Counted back from the members of now; undefined where the events since are not at hand. */
const memberCountAtHand = ({ room, after, held }: FactsWant, parts: FactsParts): number | undefined => {
  const { lastPosition, joinedCount } = room.record
  if (lastPosition <= after) return joinedCount
  if (held === undefined || (held.at(-1)?.position ?? after) < lastPosition) return undefined
  return held.reduce((count, event) => count - joinsOf(event, parts.clientEvents), joinedCount)
}

const memberCountRead = async ({ room, after }: FactsWant, { reader }: FactsParts): Promise<number> => {
  const { room: number, lastPosition, joinedCount } = room.record
  return joinedCount - (await reader.joinsBetween(number, after, lastPosition))
}

/** 1 for a join, -1 for the end of a stay, 0 for all others. */
const joinsOf = (event: StoredEvent, clientEvents: ClientEvents): number => {
  if (event.type !== 'm.room.member' || event.stateKey === undefined) return 0
  const isJoined = clientEvents.content(event).membership === 'join'
  const wasJoined =
    event.replaces !== undefined && (JSON.parse(event.replaces.json) as Pdu).content.membership === 'join'
  return Number(isJoined) - Number(wasJoined)
}
