import { BoundedCache, type CacheStats, type Clock, yieldToEventLoop } from '#base'
import { historyVisibilityOf } from '#rules'
import { isJsonObject, type JsonObject, MatrixError, type Pdu, type RoomId, stringAt } from '#spec'
import type { AliasesReader, RoomNumber, RoomRecord, RoomRecordsReader, RoomStateReader } from '#store'
import { END, START } from '../history/old-range.ts'
import { formatPlace, isBefore, type Place, parsePlace } from './public-rooms-token.ts'

export interface PublicRoomsRequest {
  /** undefined: as many as one answer may hold. */
  readonly limit: number | undefined
  readonly since: string | undefined
  /** Looked for in name, topic and canonical alias, in any case. */
  readonly searchTerm: string | undefined
  /** `null` stands for rooms without a type. */
  readonly roomTypes: readonly (string | null)[] | undefined
}

export interface OldPublicRoomsRequest {
  readonly from: string
  readonly to: string
  readonly limit: number | undefined
}

/** A room as the directory shows it, without its number of members. */
interface Entry {
  /** Position of the room's newest event when this was read. */
  readonly position: number
  readonly shown: JsonObject
  readonly roomType: string | null
  /** Lower case. */
  readonly searchable: string
}

/** A public room with its place in the order. */
interface Listed extends Place {
  readonly entry: Entry
}

/** The most rooms in one answer; also the default. */
const MAX_ROOMS = 500
const ROOMS_A_SLICE = 100

export interface PublicRoomsParts {
  readonly reader: AliasesReader & RoomRecordsReader & RoomStateReader
  readonly clock: Clock
  readonly limitBytes: number
}

/** The published room directory (module "Published room directory"): most members first. */
export class PublicRooms {
  readonly #reader: AliasesReader & RoomRecordsReader & RoomStateReader
  readonly #clock: Clock
  readonly #entries: BoundedCache<RoomNumber, Entry>

  constructor({ reader, clock, limitBytes }: PublicRoomsParts) {
    this.#reader = reader
    this.#clock = clock
    this.#entries = new BoundedCache({
      name: 'public-rooms',
      limitBytes,
      sizeBytes: ({ searchable }) => 600 + searchable.length * 6,
    })
  }

  stats(): CacheStats {
    return this.#entries.stats()
  }

  /** `publicRooms`. Throws `M_INVALID_PARAM` for a malformed token. */
  async list(request: PublicRoomsRequest): Promise<JsonObject> {
    const since = request.since === undefined ? undefined : parsePlace(request.since)
    if (request.since !== undefined && since === undefined)
      throw new MatrixError('M_INVALID_PARAM', 'Not a batch token')
    const rooms = (await this.#listed()).filter(wantedBy(request)).sort((one, other) => (isBefore(one, other) ? -1 : 1))
    const limit = Math.min(request.limit ?? MAX_ROOMS, MAX_ROOMS)
    const [start, end] = windowOf(rooms, since, limit)
    const [first, last] = [rooms[start], rooms[end - 1]]
    return {
      chunk: rooms
        .slice(start, end)
        .map(({ joinedCount, entry }) => ({ ...entry.shown, num_joined_members: joinedCount })),
      ...(start > 0 && first !== undefined ? { prev_batch: formatPlace('backward', first) } : {}),
      ...(end < rooms.length && last !== undefined ? { next_batch: formatPlace('forward', last) } : {}),
      total_room_count_estimate: rooms.length,
    }
  }

  /**
   * `publicRooms` of 2015: each token stands for a room, and neither end belongs to the page; `START` and `END` stand for the ends
   * of the list ("Pagination" of that document). Throws `M_INVALID_PARAM` for a malformed token.
   */
  async oldPage({ from, to, limit }: OldPublicRoomsRequest): Promise<JsonObject> {
    const rooms = (await this.#listed()).sort((one, other) => (isBefore(one, other) ? -1 : 1))
    for (const token of [from, to]) await this.#refuseFuture(token, rooms)
    const [first, last] = [indexOf(from, rooms), indexOf(to, rooms)]
    const between = rooms.slice(Math.floor(Math.min(first, last)) + 1, Math.ceil(Math.max(first, last)))
    if (first > last) between.reverse()
    const page = between.slice(0, Math.min(limit ?? MAX_ROOMS, MAX_ROOMS))
    const chunk: JsonObject[] = []
    for (const { room, joinedCount, entry } of page) {
      const aliases = await this.#reader.aliasesOf(room)
      chunk.push({ ...entry.shown, aliases: [...aliases], num_joined_members: joinedCount })
    }
    const end = page.at(-1)
    return {
      start: from,
      end: end === undefined || page.length === between.length ? to : formatPlace('forward', end),
      chunk,
    }
  }

  /** Whether the room is in the directory. Throws `M_NOT_FOUND` for rooms this server does not know. */
  async isPublished(roomId: RoomId): Promise<boolean> {
    const record = await this.#reader.roomByRoomId(roomId)
    if (record === undefined) throw new MatrixError('M_NOT_FOUND', 'Unknown room')
    return record.published
  }

  /** Throws `M_INVALID_PARAM` for a token of a room that does not exist yet: it is of another server, or of a lost database. */
  async #refuseFuture(token: string, rooms: readonly Listed[]): Promise<void> {
    const place = parsePlace(token)?.place
    if (place === undefined || rooms.some(({ room }) => room >= place.room)) return
    if ((await this.#reader.room(place.room)) === undefined)
      throw new MatrixError('M_INVALID_PARAM', 'The token lies ahead of this server')
  }

  /** Rooms that everybody has left are not shown: nobody is there to talk to. */
  async #listed(): Promise<Listed[]> {
    const listed: Listed[] = []
    let read = 0
    for (const record of await this.#reader.publishedRooms()) {
      if (record.joinedCount === 0) continue
      let entry = this.#entries.get(record.room)
      if (entry === undefined || entry.position !== record.lastPosition) {
        if (++read % ROOMS_A_SLICE === 0) await yieldToEventLoop(this.#clock)
        entry = await this.#read(record)
        this.#entries.set(record.room, entry)
      }
      listed.push({ room: record.room, joinedCount: record.joinedCount, entry })
    }
    return listed
  }

  async #read(record: RoomRecord): Promise<Entry> {
    const state = await this.#reader.state(record.room, { at: 'current', types: SHOWN_STATE, stateKeys: [''] })
    const contents = new Map(state.map(({ type, json }) => [type, contentOf(json)]))
    return entryOf(record, (type) => contents.get(type) ?? {})
  }
}

const SHOWN_STATE = [
  'm.room.create',
  'm.room.name',
  'm.room.topic',
  'm.room.avatar',
  'm.room.canonical_alias',
  'm.room.join_rules',
  'm.room.guest_access',
  'm.room.history_visibility',
]

const contentOf = (json: string): JsonObject => {
  const { content } = JSON.parse(json) as Pdu
  return isJsonObject(content) ? content : {}
}

const entryOf = (record: RoomRecord, content: (type: string) => JsonObject): Entry => {
  const text = (type: string, key: string): string | undefined => {
    const value = stringAt(content(type), key)
    return value === '' ? undefined : value
  }
  const name = text('m.room.name', 'name')
  const topic = text('m.room.topic', 'topic')
  const alias = text('m.room.canonical_alias', 'alias')
  const avatar = text('m.room.avatar', 'url')
  const roomType = text('m.room.create', 'type')
  return {
    position: record.lastPosition,
    roomType: roomType ?? null,
    searchable: [name, topic, alias]
      .filter((part) => part !== undefined)
      .join('\n')
      .toLowerCase(),
    shown: {
      room_id: record.roomId,
      world_readable: historyVisibilityOf(content('m.room.history_visibility')) === 'world_readable',
      guest_can_join: text('m.room.guest_access', 'guest_access') === 'can_join',
      join_rule: text('m.room.join_rules', 'join_rule') ?? 'invite',
      ...(name === undefined ? {} : { name }),
      ...(topic === undefined ? {} : { topic }),
      ...(alias === undefined ? {} : { canonical_alias: alias }),
      ...(avatar === undefined ? {} : { avatar_url: avatar }),
      ...(roomType === undefined ? {} : { room_type: roomType }),
    },
  }
}

const wantedBy = ({ searchTerm, roomTypes }: PublicRoomsRequest): ((room: Listed) => boolean) => {
  const term = searchTerm?.toLowerCase() ?? ''
  const types = roomTypes === undefined ? undefined : new Set(roomTypes)
  return ({ entry }) => entry.searchable.includes(term) && (types === undefined || types.has(entry.roomType))
}

/** The index of a token of `oldPage` in the ordered rooms: that of its room, or the place between two if the room has moved or gone. */
const indexOf = (token: string, rooms: readonly Listed[]): number => {
  if (token === START) return -1
  if (token === END) return rooms.length
  const place = parsePlace(token)?.place
  if (place === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a token of the directory')
  const index = rooms.findIndex((room) => !isBefore(room, place))
  if (index === -1) return rooms.length - 0.5
  return isBefore(place, rooms[index] as Listed) ? index - 0.5 : index
}

/** The part of the ordered rooms that a token asks for. A token is a place, not an index, so rooms that moved or went since do not matter. */
const windowOf = (
  rooms: readonly Listed[],
  since: { readonly direction: 'forward' | 'backward'; readonly place: Place } | undefined,
  limit: number,
): readonly [number, number] => {
  if (since === undefined) return [0, Math.min(limit, rooms.length)]
  const { direction, place } = since
  if (direction === 'forward') {
    const found = rooms.findIndex((room) => isBefore(place, room))
    const start = found === -1 ? rooms.length : found
    return [start, Math.min(start + limit, rooms.length)]
  }
  const found = rooms.findIndex((room) => !isBefore(room, place))
  const end = found === -1 ? rooms.length : found
  return [Math.max(0, end - limit), end]
}
