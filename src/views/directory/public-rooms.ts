import { BoundedWork } from '#base'
import { LISTED_STATE, listedState } from '#rules'
import { isJsonObject, type JsonObject, MatrixError, type Pdu, type RoomId } from '#spec'
import type {
  AliasesReader,
  DirectoryReader,
  ListedRoom,
  ListedRoomsFilter,
  RoomRecordsReader,
  RoomStateReader,
} from '#store'
import { END, START } from '../history/old-range.ts'
import { FIRST, formatPlace, isBefore, LAST, type Place, parsePlace } from './public-rooms-token.ts'

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

/** The most rooms in one answer; also the default. */
const MAX_ROOMS = 200
/** The rooms are counted up to here: the number is an estimate. */
const MAX_COUNTED = 1_000
/** Searches walk the whole directory, so few run at once. */
const SEARCHES = { concurrency: 2, maxWaiting: 50 }
/** Aliases that the list of 2015 shows of one room. */
const MAX_ALIASES = 20

type PublicRoomsReader = AliasesReader & DirectoryReader & RoomRecordsReader & RoomStateReader

interface Page {
  readonly direction: 'forward' | 'backward'
  /** Rooms strictly beyond this place. */
  readonly beyond: Place
  readonly limit: number
}

/**
 * The published room directory (module "Published room directory"): most members first. Rooms and what is shown of them stand in the database in that order,
 * so a page costs what is on it.
 */
export class PublicRooms {
  readonly #reader: PublicRoomsReader
  readonly #hides: (roomId: RoomId) => boolean
  readonly #searches = new BoundedWork(SEARCHES)

  /** `hides`: rooms that are not shown, wherever they stand. */
  constructor(reader: PublicRoomsReader, hides: (roomId: RoomId) => boolean = () => false) {
    this.#reader = reader
    this.#hides = hides
  }

  /** `publicRooms`, as JSON text. Throws `M_INVALID_PARAM` for a malformed token, `TooMuchWork` if too many search. */
  async list(request: PublicRoomsRequest): Promise<string> {
    const since = request.since === undefined ? undefined : parsePlace(request.since)
    if (request.since !== undefined && since === undefined)
      throw new MatrixError('M_INVALID_PARAM', 'Not a batch token')
    const filter = filterOf(request)
    const page = {
      direction: since?.direction ?? 'forward',
      beyond: since?.place ?? FIRST,
      limit: Math.min(request.limit ?? MAX_ROOMS, MAX_ROOMS),
    } as const
    const isPlain = filter.term === undefined && filter.roomTypes === undefined
    const list = (): Promise<string> => this.#list(page, filter, since !== undefined)
    return isPlain ? list() : this.#searches.run(list)
  }

  /**
   * `publicRooms` of 2015, as JSON text: each token stands for a room, and neither end belongs to the page; `START` and `END` stand for the ends
   * of the list ("Pagination" of that document). Throws `M_INVALID_PARAM` for a malformed token.
   */
  async oldPage({ from, to, limit }: OldPublicRoomsRequest): Promise<string> {
    const [first, last] = [await this.#endOf(from), await this.#endOf(to)]
    const direction = isBefore(last, first) ? 'backward' : 'forward'
    const most = Math.min(limit ?? MAX_ROOMS, MAX_ROOMS)
    const found = await this.#reader.listedRooms({ direction, beyond: first, limit: most + 1 })
    const between = found.filter((room) => (direction === 'forward' ? isBefore(room, last) : isBefore(last, room)))
    const page = between.slice(0, most)
    const texts: string[] = []
    for (const room of page) {
      if (this.#hides(room.roomId)) continue
      const aliases = await this.#reader.aliasesOf(room.room, MAX_ALIASES)
      texts.push(spliced(await this.#shown(room), `"aliases":${JSON.stringify(aliases)},${members(room)}`))
    }
    const end = page.at(-1)
    const ended = end === undefined || page.length === between.length ? to : formatPlace('forward', end)
    return `{"start":${JSON.stringify(from)},"end":${JSON.stringify(ended)},"chunk":[${texts.join()}]}`
  }

  /** Whether the room is in the directory. Throws `M_NOT_FOUND` for rooms this server does not know. */
  async isPublished(roomId: RoomId): Promise<boolean> {
    const record = await this.#reader.roomByRoomId(roomId)
    if (record === undefined) throw new MatrixError('M_NOT_FOUND', 'Unknown room')
    return record.published
  }

  async #list({ direction, beyond, limit }: Page, filter: ListedRoomsFilter, isLater: boolean): Promise<string> {
    const found = await this.#reader.listedRooms({ ...filter, direction, beyond, limit: limit + 1 })
    const rooms = found.slice(0, limit)
    const isMore = found.length > limit
    if (direction === 'backward') rooms.reverse()
    const [first, last] = [rooms[0], rooms.at(-1)]
    const isAny = async (way: 'forward' | 'backward', place: Place): Promise<boolean> =>
      (await this.#reader.listedRooms({ ...filter, direction: way, beyond: place, limit: 1 })).length > 0
    const hasPrevious =
      first !== undefined && isLater && (direction === 'backward' ? isMore : await isAny('backward', first))
    const hasNext = last !== undefined && (direction === 'forward' ? isMore : await isAny('forward', last))
    const texts: string[] = []
    for (const room of rooms.filter(({ roomId }) => !this.#hides(roomId)))
      texts.push(spliced(await this.#shown(room), members(room)))
    return [
      `{"chunk":[${texts.join()}]`,
      ...(hasPrevious ? [`"prev_batch":"${formatPlace('backward', first)}"`] : []),
      ...(hasNext ? [`"next_batch":"${formatPlace('forward', last)}"`] : []),
      `"total_room_count_estimate":${await this.#reader.countListed(filter, MAX_COUNTED)}}`,
    ].join()
  }

  /** A room that an earlier version published is read from its state until it has a listing. */
  async #shown({ room, roomId, listing }: ListedRoom): Promise<string> {
    if (listing !== undefined) return listing.shownJson
    const state = await this.#reader.state(room, { at: 'current', types: LISTED_STATE, stateKeys: [''] })
    const contents = new Map(state.map(({ type, json }) => [type, contentOf(json)]))
    return JSON.stringify(listedState(roomId, (type) => contents.get(type) ?? {}).shown)
  }

  /**
   * The place of a token of `oldPage`. Throws `M_INVALID_PARAM` for what is no token, and for that of a room that does not exist yet: it is of another
   * server, or of a lost database.
   */
  async #endOf(token: string): Promise<Place> {
    if (token === START) return FIRST
    if (token === END) return LAST
    const place = parsePlace(token)?.place
    if (place === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a token of the directory')
    if (place.room > (await this.#reader.newestRoom()))
      throw new MatrixError('M_INVALID_PARAM', 'The token lies ahead of this server')
    return place
  }
}

const filterOf = ({ searchTerm, roomTypes }: PublicRoomsRequest): ListedRoomsFilter => ({
  term: searchTerm?.replaceAll('\0', '').toLowerCase() || undefined,
  roomTypes: roomTypes?.map((type) => type?.replaceAll('\0', '') ?? ''),
})

const members = ({ joinedCount }: ListedRoom): string => `"num_joined_members":${joinedCount}`

/** A JSON object with further members. */
const spliced = (object: string, more: string): string => `${object.slice(0, -1)},${more}}`

const contentOf = (json: string): JsonObject => {
  const { content } = JSON.parse(json) as Pdu
  return isJsonObject(content) ? content : {}
}
