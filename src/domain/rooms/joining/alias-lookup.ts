import { FederationFailure, type FederationRequests } from '#net'
import {
  isJsonObject,
  type JsonValue,
  MatrixError,
  parseRoomId,
  parseServerName,
  type RoomAlias,
  type RoomId,
  type ServerName,
  serverOf,
  stringAt,
} from '#spec'
import type { Directory } from '../directory/directory.ts'
import { MAX_SERVERS } from './asked-servers.ts'

export interface AliasLookupParts {
  readonly directory: Pick<Directory, 'resolve'>
  readonly requests: Pick<FederationRequests, 'json'>
  readonly serverName: ServerName
}

/** The room of an alias, and servers that are in it as far as the alias's server says. */
export interface LocatedRoom {
  readonly roomId: RoomId
  readonly servers: readonly ServerName[]
}

const QUERY_MS = 20_000
/** A room may have thousands of servers. */
const MAX_ANSWER = 4 * 1024 * 1024

/** Finds rooms by their aliases, those of other servers as well (server-server API, "Querying for information"). */
export class AliasLookup {
  readonly #parts: AliasLookupParts

  constructor(parts: AliasLookupParts) {
    this.#parts = parts
  }

  /** Throws `M_NOT_FOUND` for an alias without a room; 502 or 504 where its server gives no usable answer. */
  async locate(alias: RoomAlias): Promise<LocatedRoom> {
    const { directory, requests, serverName } = this.#parts
    const server = serverOf(alias)
    if (server === serverName) return { roomId: await directory.resolve(alias), servers: [] }
    try {
      const answer = await requests.json(server, {
        method: 'GET',
        path: '/_matrix/federation/v1/query/directory',
        query: { room_alias: alias },
        timeoutMs: QUERY_MS,
        maxBytes: MAX_ANSWER,
      })
      return locatedIn(answer, server)
    } catch (error) {
      throw error instanceof FederationFailure ? told(error, alias) : error
    }
  }
}

const locatedIn = (answer: JsonValue, server: ServerName): LocatedRoom => {
  const roomId = isJsonObject(answer) ? parseRoomId(stringAt(answer, 'room_id') ?? '') : undefined
  if (!isJsonObject(answer) || roomId === undefined)
    throw new MatrixError('M_UNKNOWN', 'The server of the alias gave no room', { status: 502 })
  const named = Array.isArray(answer.servers) ? (answer.servers as readonly JsonValue[]) : []
  const servers = named
    .slice(0, MAX_SERVERS)
    .flatMap((name) => (typeof name === 'string' ? (parseServerName(name) ?? []) : []))
  // The alias's own server need not be in the room.
  return { roomId, servers: servers.length === 0 ? [server] : servers }
}

const told = (failure: FederationFailure, alias: RoomAlias): MatrixError => {
  const { kind, status } = failure.parts
  if (kind === 'refused' && status === 404)
    return new MatrixError('M_NOT_FOUND', `No room has the alias ${alias}`, { cause: failure })
  if (kind === 'not-allowed')
    return new MatrixError('M_NOT_FOUND', 'This server does not talk with the server of the alias', { cause: failure })
  return new MatrixError('M_UNKNOWN', 'The server of the alias could not be asked', {
    status: kind === 'unreachable' ? 504 : 502,
    cause: failure,
  })
}
