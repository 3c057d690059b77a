import type { CacheStats, Clock } from '#base'
import { FederationFailure, type FederationRequests } from '#net'
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseRoomId,
  parseServerName,
  parseUserId,
  type RoomId,
  type ServerName,
} from '#spec'
import { RememberedAnswers } from './remembered-answers.ts'
import { type RemoteSummary, summaryIn } from './room-summary.ts'

/** A child of a space elsewhere, as its `m.space.child` says. */
export interface RemoteChild {
  readonly roomId: RoomId
  readonly order: string | undefined
  readonly originServerTs: number
  readonly suggested: boolean
  readonly via: readonly ServerName[]
  /** The stripped event as JSON. */
  readonly text: string
}

/** A room of other servers, and what these tell of the rooms right below it. */
export interface RemoteSpace extends RemoteSummary {
  readonly children: readonly RemoteChild[]
  /** Children that the server described. */
  readonly known: ReadonlyMap<RoomId, RemoteSummary>
  /** Children that are not for this server to know. */
  readonly inaccessible: ReadonlySet<RoomId>
}

export interface RemoteSpacesParts {
  readonly requests: Pick<FederationRequests, 'json'>
  readonly serverName: ServerName
  readonly clock: Clock
}

const MINUTE_MS = 60_000
const ASK_MS = 10_000
const MAX_BYTES = 4 * 1024 * 1024
const MAX_ASKED = 3
const MAX_CHILDREN = 500
const MAX_VIA = 10
const MAX_CHILD_LENGTH = 2_000
const CACHE_BYTES = 16 * 1024 * 1024
const BYTES_A_UNIT = 4
const ORDER = /^[\x20-\x7e]{1,50}$/

/** Spaces and rooms elsewhere, as servers that are in them describe them (server-server API, "Spaces"). */
export class RemoteSpaces {
  readonly #parts: RemoteSpacesParts
  readonly #answers: RememberedAnswers<{ readonly space: RemoteSpace | undefined; readonly length: number }>

  constructor(parts: RemoteSpacesParts) {
    this.#parts = parts
    this.#answers = new RememberedAnswers({
      name: 'remote-spaces',
      clock: parts.clock,
      limitBytes: CACHE_BYTES,
      sizeBytes: ({ length }) => 1_000 + length * BYTES_A_UNIT,
      freshMs: 5 * MINUTE_MS,
      failedMs: MINUTE_MS,
    })
  }

  stats(): CacheStats {
    return this.#answers.stats()
  }

  /** Asks these servers one after another; undefined where none of them tells of the room. */
  async space(roomId: RoomId, via: readonly ServerName[]): Promise<RemoteSpace | undefined> {
    const others = [...new Set(via)].filter((server) => server !== this.#parts.serverName)
    for (const server of others.slice(0, MAX_ASKED)) {
      const { space } = await this.#answers.get(`${server} ${roomId}`, () => this.#ask(server, roomId))
      if (space !== undefined) return space
    }
    return undefined
  }

  /** A server that cannot be asked is remembered like one that knows nothing. */
  async #ask(server: ServerName, roomId: RoomId): Promise<{ space: RemoteSpace | undefined; length: number }> {
    try {
      const answer = await this.#parts.requests.json(server, {
        method: 'GET',
        path: `/_matrix/federation/v1/hierarchy/${encodeURIComponent(roomId)}`,
        query: { suggested_only: 'false' },
        timeoutMs: ASK_MS,
        maxBytes: MAX_BYTES,
      })
      return { space: spaceIn(answer, roomId), length: JSON.stringify(answer).length }
    } catch (error) {
      if (!(error instanceof FederationFailure)) throw error
      return { space: undefined, length: 0 }
    }
  }
}

const spaceIn = (answer: JsonValue, roomId: RoomId): RemoteSpace | undefined => {
  if (!isJsonObject(answer)) return undefined
  const { room } = answer
  const summary = summaryIn(room)
  if (!isJsonObject(room) || summary?.roomId !== roomId) return undefined
  const described = listOf(answer.children).flatMap((child) => summaryIn(child) ?? [])
  const closed = listOf(answer.inaccessible_children)
  return {
    ...summary,
    children: listOf(room.children_state).flatMap(childIn),
    known: new Map(described.map((child) => [child.roomId, child])),
    inaccessible: new Set(closed.flatMap((id) => (typeof id === 'string' ? (parseRoomId(id) ?? []) : []))),
  }
}

const listOf = (value: JsonValue | undefined): readonly JsonValue[] =>
  Array.isArray(value) ? (value as readonly JsonValue[]).slice(0, MAX_CHILDREN) : []

const childIn = (value: JsonValue): readonly RemoteChild[] => {
  if (!isJsonObject(value) || value.type !== 'm.space.child' || !isJsonObject(value.content)) return []
  const { state_key: stateKey, sender, origin_server_ts: originServerTs, content } = value
  if (typeof stateKey !== 'string' || typeof sender !== 'string' || parseUserId(sender) === undefined) return []
  const roomId = parseRoomId(stateKey)
  const via = viaIn(content)
  if (roomId === undefined || via.length === 0) return []
  if (typeof originServerTs !== 'number' || !Number.isSafeInteger(originServerTs)) return []
  const stripped = { type: 'm.space.child', state_key: roomId, sender, content, origin_server_ts: originServerTs }
  const text = JSON.stringify(stripped)
  if (text.length > MAX_CHILD_LENGTH) return []
  const order = typeof content.order === 'string' && ORDER.test(content.order) ? content.order : undefined
  return [{ roomId, order, originServerTs, suggested: content.suggested === true, via, text }]
}

const viaIn = ({ via }: JsonObject): readonly ServerName[] =>
  Array.isArray(via)
    ? (via as readonly JsonValue[])
        .slice(0, MAX_VIA)
        .flatMap((server) => (typeof server === 'string' ? (parseServerName(server) ?? []) : []))
    : []
