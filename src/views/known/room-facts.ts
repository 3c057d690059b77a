import { type CacheStats, jsonBytes, LatestValues, type Soon, textBytes } from '#base'
import { historyVisibilityOf, powerLevelsOf, toRoomEvent } from '#rules'
import {
  type HistoryVisibility,
  type JsonObject,
  objectAt,
  type Pdu,
  ROOM_VERSIONS,
  type RoomVersion,
  stringAt,
} from '#spec'
import type { RoomNumber, RoomRecordsReader, RoomStateReader, StoredEvent } from '#store'
import type { News, NewsHandler } from '#streams'
import type { JudgedRoom } from '../unread/judged-room.ts'

/** Facts of a room that are the same for all its readers until its next event. */
export interface RoomFacts extends JudgedRoom {
  /** Members may see all of the room's history: its visibility was never limited to the members of the time. */
  readonly isHistoryOpen: boolean
  /** It has a name or an address: no members stand for one. */
  readonly isNamed: boolean
  /** Bytes of the power levels in memory. */
  readonly levelsBytes: number
}

const bytesOf = (facts: RoomFacts | 'unknown'): number => (facts === 'unknown' ? 0 : FACTS_BYTES + facts.levelsBytes)

const OPEN: ReadonlySet<HistoryVisibility> = new Set<HistoryVisibility>(['shared', 'world_readable'])
const FACTS_BYTES = 1_500
/** A room whose visibility was set more often counts as not open: each event is then judged by itself. */
const MAX_SETTINGS = 3

export interface RoomFactsCacheParts {
  readonly reader: RoomRecordsReader & RoomStateReader
  readonly limitBytes: number
}

const TYPES = [
  'm.room.create',
  'm.room.power_levels',
  'm.room.history_visibility',
  'm.room.name',
  'm.room.canonical_alias',
]

const contentOf = (event: StoredEvent | undefined): JsonObject =>
  event === undefined ? {} : (JSON.parse(event.json) as Pdu).content

const isOpen = (setting: StoredEvent | undefined): boolean => OPEN.has(historyVisibilityOf(contentOf(setting)))

const isSet = (event: StoredEvent | undefined, key: string): boolean => (stringAt(contentOf(event), key) ?? '') !== ''

/** Kept until the next event of the room: when a message wakes the members, the first reads the facts and the others find them here. */
export class RoomFactsCache implements NewsHandler {
  readonly #reader: RoomRecordsReader & RoomStateReader
  readonly #facts: LatestValues<RoomNumber, RoomFacts | 'unknown'>

  constructor({ reader, limitBytes }: RoomFactsCacheParts) {
    this.#reader = reader
    this.#facts = new LatestValues({ name: 'room-facts', limitBytes, sizeBytes: bytesOf })
  }

  stats(): CacheStats {
    return this.#facts.stats()
  }

  missed(): void {
    this.#facts.clear()
  }

  news(news: readonly News[]): void {
    for (const { stream, rooms } of news) {
      if (stream === 'events') for (const room of rooms) this.#facts.forget(room)
    }
  }

  /** undefined where they are not at hand. */
  now(room: RoomNumber): RoomFacts | undefined {
    const facts = this.#facts.now(room)
    return facts === undefined ? undefined : known(facts)
  }

  /** undefined for an unknown room, or an unknown room version. */
  of(room: RoomNumber): Soon<RoomFacts | undefined> {
    const facts = this.#facts.soon(room, async () => (await this.#load(room)) ?? 'unknown')
    return facts instanceof Promise ? facts.then(known) : known(facts)
  }

  async #load(room: RoomNumber): Promise<RoomFacts | undefined> {
    const record = await this.#reader.room(room)
    const version = record === undefined ? undefined : ROOM_VERSIONS.get(record.version)
    if (record === undefined || version === undefined) return undefined
    const state = await this.#reader.state(room, { at: 'current', types: TYPES, stateKeys: [''] })
    const entry = (type: string): StoredEvent | undefined => state.find((event) => event.type === type)
    const [create, stored] = [entry('m.room.create'), entry('m.room.power_levels')]
    const powerLevels = eventOf(version, stored)
    return {
      record,
      levels: powerLevelsOf(version, eventOf(version, create), powerLevels),
      notificationLevels: objectAt(powerLevels?.content ?? {}, 'notifications'),
      levelsPosition: stored?.position ?? 0,
      isHistoryOpen: await this.#isHistoryOpen(room, entry('m.room.history_visibility')),
      isNamed: isSet(entry('m.room.name'), 'name') || isSet(entry('m.room.canonical_alias'), 'alias'),
      levelsBytes: jsonBytes(powerLevels?.content ?? {}) + textBytes(create?.json ?? ''),
    }
  }

  async #isHistoryOpen(room: RoomNumber, setting: StoredEvent | undefined): Promise<boolean> {
    // Most often it was set once.
    if (setting !== undefined && setting.replaces === undefined) return isOpen(setting)
    const changes = await this.#reader.stateHistory(room, 'm.room.history_visibility', '', MAX_SETTINGS + 1)
    if (changes.length > MAX_SETTINGS) return false
    return changes.every(({ event }) => isOpen(event))
  }
}

const known = (facts: RoomFacts | 'unknown'): RoomFacts | undefined => (facts === 'unknown' ? undefined : facts)

const eventOf = (version: RoomVersion, stored: StoredEvent | undefined) =>
  stored === undefined ? undefined : toRoomEvent(version, JSON.parse(stored.json) as Pdu, stored.eventId)
