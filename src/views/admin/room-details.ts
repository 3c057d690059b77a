import type { Clock, TextPieces } from '#base'
import { type JsonObject, MatrixError, type Pdu, type RoomId, stringAt } from '#spec'
import type { RoomOverviewsReader, RoomRecord, RoomsReader, StoredEvent } from '#store'
import type { EventTexts } from '../events/event-texts.ts'
import { type EventPages, streamedAnswer } from '../events/streamed-events.ts'
import type { RoomViewer } from '../events/viewer.ts'
import { statePages } from '../known/state-pages.ts'
import { overviewJson } from './room-list.ts'

const MEMBERS_AT_ONCE = 500

export interface RoomDetailsParts {
  readonly reader: RoomsReader
  readonly texts: EventTexts
  readonly clock: Clock
  readonly overviews: Pick<RoomOverviewsReader, 'overview' | 'localUse'>
}

/** Single rooms as administrators look into them. */
export class AdminRoomDetails {
  readonly #parts: RoomDetailsParts

  constructor(parts: RoomDetailsParts) {
    this.#parts = parts
  }

  /** Throws `M_NOT_FOUND` for a room that this server does not know. */
  async known(roomId: RoomId): Promise<RoomRecord> {
    const record = await this.#parts.reader.roomByRoomId(roomId)
    if (record === undefined) throw new MatrixError('M_NOT_FOUND', 'Room not found')
    return record
  }

  /** All that a list shows of the room and more, in the form of Synapse. Throws `M_NOT_FOUND`. */
  async details(roomId: RoomId): Promise<JsonObject> {
    const overview = await this.#parts.overviews.overview(roomId)
    if (overview === undefined) throw new MatrixError('M_NOT_FOUND', 'Room not found')
    const { room } = overview
    const topic = await this.#content(room, 'm.room.topic')
    const avatar = await this.#content(room, 'm.room.avatar')
    const tombstone = await this.#content(room, 'm.room.tombstone')
    const { devices, isForgotten } = await this.#parts.overviews.localUse(room)
    return {
      ...overviewJson(overview),
      topic: (topic && stringAt(topic, 'topic')) ?? null,
      avatar: (avatar && stringAt(avatar, 'url')) ?? null,
      joined_local_devices: devices,
      forgotten: isForgotten,
      tombstoned: tombstone !== undefined,
      replacement_room: (tombstone && stringAt(tombstone, 'replacement_room')) ?? null,
    }
  }

  /** `{ state }`: all events of the current state, or those of a type. Throws `M_NOT_FOUND`. */
  async state(roomId: RoomId, type: string | undefined, viewer: RoomViewer): Promise<TextPieces> {
    const { room, lastPosition: at } = await this.known(roomId)
    const pages = ofType(statePages(this.#parts.reader, room, { at, members: true }), type)
    const batch = { viewer, form: 'full' } as const
    return streamedAnswer({ head: '{"state":[', pages, batch, tail: ']}' }, this.#parts)
  }

  /** `{ members, total }`, of those who are joined. Throws `M_NOT_FOUND`. */
  async members(roomId: RoomId): Promise<TextPieces> {
    const { room, joinedCount } = await this.known(roomId)
    return { begun: ['{"members":['], rest: this.#memberIds(room, joinedCount) }
  }

  /** The events on which the next one of this server builds. Throws `M_NOT_FOUND`. */
  async forwardExtremities(roomId: RoomId): Promise<JsonObject> {
    const { extremities } = await this.known(roomId)
    const events = await this.#parts.reader.events(extremities.map(({ eventId }) => eventId))
    const results = events.map(({ eventId, depth, originServerTs }) => ({
      event_id: eventId,
      depth,
      received_ts: originServerTs,
    }))
    return { count: extremities.length, results }
  }

  async *#memberIds(room: number, total: number): AsyncGenerator<string, void, undefined> {
    let after = ''
    let before = ''
    for (;;) {
      const page = await this.#parts.reader.joinedMembers(room, after, MEMBERS_AT_ONCE)
      const last = page.at(-1)
      if (last === undefined) break
      yield `${before}${page.map(({ userId }) => JSON.stringify(userId)).join()}`
      before = ','
      after = last.userId
    }
    yield `],"total":${total}}`
  }

  async #content(room: number, type: string): Promise<JsonObject | undefined> {
    const event = await this.#parts.reader.stateEvent(room, 'current', type, '')
    return event === undefined ? undefined : (JSON.parse(event.json) as Pdu).content
  }
}

async function* ofType(pages: EventPages, wanted: string | undefined): AsyncGenerator<readonly StoredEvent[]> {
  for await (const page of pages) yield wanted === undefined ? page : page.filter(({ type }) => type === wanted)
}
