import type { FederationRequests } from '#net'
import { isJsonObject, type JsonObject, type JsonValue, type ServerName } from '#spec'
import { summaryIn } from './room-summary.ts'
import { toldFailure } from './told-failure.ts'

/** A page of another server's directory, as the client asked for it. */
export interface RemotePublicRoomsRequest {
  readonly limit: number | undefined
  readonly since: string | undefined
  readonly searchTerm: string | undefined
  readonly roomTypes: readonly (string | null)[] | undefined
  readonly includeAllNetworks?: boolean | undefined
  readonly thirdPartyInstanceId?: string | undefined
}

export interface RemotePublicRoomsParts {
  readonly requests: Pick<FederationRequests, 'json'>
}

const PATH = '/_matrix/federation/v1/publicRooms'
const ASK_MS = 30_000
const MAX_BYTES = 4 * 1024 * 1024
const MAX_ROOMS = 500
const MAX_TOKEN = 2_000

/** The directories of other servers (server-server API, "Public Room Directory"). */
export class RemotePublicRooms {
  readonly #parts: RemotePublicRoomsParts

  constructor(parts: RemotePublicRoomsParts) {
    this.#parts = parts
  }

  /** Throws `M_NOT_FOUND`, `M_FORBIDDEN`, or 502 and 504 where the server cannot be asked. */
  async list(server: ServerName, request: RemotePublicRoomsRequest): Promise<JsonObject> {
    const limits = { timeoutMs: ASK_MS, maxBytes: MAX_BYTES }
    try {
      const answer = isPlain(request)
        ? await this.#parts.requests.json(server, { method: 'GET', path: PATH, query: pageOf(request), ...limits })
        : await this.#parts.requests.json(server, { method: 'POST', path: PATH, body: searchOf(request), ...limits })
      return pageIn(answer)
    } catch (error) {
      throw toldFailure(error, 'That server has no directory')
    }
  }
}

/** Older servers take a search by `POST` alone, and a page without one by `GET`. */
const isPlain = ({ searchTerm, roomTypes }: RemotePublicRoomsRequest): boolean =>
  searchTerm === undefined && roomTypes === undefined

const pageOf = (request: RemotePublicRoomsRequest) => ({
  limit: request.limit,
  since: request.since,
  include_all_networks: request.includeAllNetworks === true ? 'true' : undefined,
  third_party_instance_id: request.thirdPartyInstanceId,
})

const searchOf = ({ searchTerm, roomTypes, includeAllNetworks, ...request }: RemotePublicRoomsRequest): JsonObject => ({
  ...(request.limit === undefined ? {} : { limit: request.limit }),
  ...(request.since === undefined ? {} : { since: request.since }),
  ...(includeAllNetworks === undefined ? {} : { include_all_networks: includeAllNetworks }),
  ...(request.thirdPartyInstanceId === undefined ? {} : { third_party_instance_id: request.thirdPartyInstanceId }),
  filter: {
    ...(searchTerm === undefined ? {} : { generic_search_term: searchTerm }),
    ...(roomTypes === undefined ? {} : { room_types: roomTypes }),
  },
})

/** Only what the specification names goes on to clients, and only where it has the right type. */
const pageIn = (answer: JsonValue): JsonObject => {
  const page = isJsonObject(answer) ? answer : {}
  const chunk = Array.isArray(page.chunk) ? (page.chunk as readonly JsonValue[]) : []
  const estimate = page.total_room_count_estimate
  return {
    chunk: chunk.slice(0, MAX_ROOMS).flatMap((room) => roomIn(room)),
    ...(isToken(page.next_batch) ? { next_batch: page.next_batch } : {}),
    ...(isToken(page.prev_batch) ? { prev_batch: page.prev_batch } : {}),
    ...(Number.isSafeInteger(estimate) ? { total_room_count_estimate: estimate } : {}),
  }
}

const roomIn = (value: JsonValue): readonly JsonObject[] => {
  const summary = summaryIn(value)
  return summary === undefined ? [] : [summary.json]
}

const isToken = (value: JsonValue | undefined): value is string =>
  typeof value === 'string' && value.length <= MAX_TOKEN
