import { LISTED_STATE, listedState } from '#rules'
import { isJsonObject, type JsonObject, MatrixError, type Pdu } from '#spec'
import type { NetworkRoom, NetworkRoomsReader, RoomStateReader, ServiceNetwork } from '#store'

export interface NetworkRoomsRequest {
  readonly of: ServiceNetwork | 'all'
  /** undefined: as many as one answer may hold. */
  readonly limit: number | undefined
  readonly since: string | undefined
  readonly searchTerm: string | undefined
}

export interface NetworkRoomsParts {
  readonly reader: NetworkRoomsReader
  readonly states: Pick<RoomStateReader, 'state'>
}

const MAX_ROOMS = 100
/** Rooms that a search looks through for one answer. */
const MAX_LOOKED_AT = 1_000
const TOKEN = /^network-(\d{1,15})$/

/** The token with which a list of networks begins. */
export const FIRST_OF_NETWORKS = 'network-0'
export const isOfNetworks = (since: string): boolean => TOKEN.test(since)

/** `publicRooms`. */
export type NetworkRoomsPage = {
  readonly chunk: readonly JsonObject[]
  readonly next_batch?: string
  readonly total_room_count_estimate: number
}

/** Rooms that application services list for their networks ("Application service room directories"). */
export class NetworkRooms {
  readonly #parts: NetworkRoomsParts

  constructor(parts: NetworkRoomsParts) {
    this.#parts = parts
  }

  /** Whether any room is listed for a network, and not in the public directory. */
  async any(): Promise<boolean> {
    return (await this.#parts.reader.networkRooms('all', { after: 0, limit: 1 })).length > 0
  }

  /** `publicRooms`. Throws `M_INVALID_PARAM` for a malformed token. */
  async list({
    of,
    limit = MAX_ROOMS,
    since = FIRST_OF_NETWORKS,
    searchTerm,
  }: NetworkRoomsRequest): Promise<NetworkRoomsPage> {
    const after = TOKEN.exec(since)?.[1]
    if (after === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a batch token')
    const most = Math.min(limit, MAX_ROOMS)
    const term = searchTerm?.toLowerCase()
    const chunk: JsonObject[] = []
    let place = Number(after)
    let isMore = true
    for (let lookedAt = 0; isMore && chunk.length < most && lookedAt < MAX_LOOKED_AT; lookedAt += MAX_ROOMS) {
      const found = await this.#parts.reader.networkRooms(of, { after: place, limit: MAX_ROOMS })
      isMore = found.length === MAX_ROOMS
      for (const room of found) {
        if (chunk.length === most) {
          isMore = true
          break
        }
        place = room.room
        const shown = await this.#shown(room)
        if (term === undefined || foundIn(shown, term)) chunk.push(shown)
      }
    }
    return {
      chunk,
      ...(isMore ? { next_batch: `network-${place}` } : {}),
      total_room_count_estimate: chunk.length,
    }
  }

  async #shown({ room, roomId, joinedCount }: NetworkRoom): Promise<JsonObject> {
    const state = await this.#parts.states.state(room, { at: 'current', types: LISTED_STATE, stateKeys: [''] })
    const contents = new Map(state.map(({ type, json }) => [type, contentOf(json)]))
    const { shown } = listedState(roomId, (type) => contents.get(type) ?? {})
    return { ...shown, num_joined_members: joinedCount }
  }
}

const foundIn = ({ name, topic, canonical_alias: alias }: JsonObject, term: string): boolean =>
  [name, topic, alias].some((text) => typeof text === 'string' && text.toLowerCase().includes(term))

const contentOf = (json: string): JsonObject => {
  const { content } = JSON.parse(json) as Pdu
  return isJsonObject(content) ? content : {}
}
