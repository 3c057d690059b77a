import { collectSooner, KeyedLock, type Logger } from '#base'
import type { FederationRequests } from '#net'
import {
  type EventId,
  type JsonObject,
  type JsonValue,
  ROOM_VERSIONS,
  type RoomId,
  type ServerName,
  type UserId,
} from '#spec'
import type { RoomGraph } from '../graph/index.ts'
import type { CheckedEvent } from '../receiving/index.ts'
import { askInTurn, serversToAsk, UnusableAnswer } from './asked-servers.ts'
import { type FilledTemplate, type FillingParts, fillTemplate, type WantedMember } from './filled-template.ts'
import type { Handshake } from './handshake.ts'
import type { ReadJoinAnswers } from './read-join-answer.ts'
import type { Residency } from './residency.ts'

export interface ElsewhereParts {
  readonly requests: FederationRequests
  readonly residency: Residency
  readonly filling: FillingParts
  readonly answers: Pick<ReadJoinAnswers, 'read'>
  readonly graph: Pick<RoomGraph, 'enter' | 'receive'>
  readonly logger: Logger
  readonly partial: PartialJoins
}

/** Joins whose members follow later. */
export interface PartialJoins {
  /** Whether a room may be joined without its members. */
  may(request: { readonly roomId: RoomId; readonly userId: UserId }): Promise<boolean>
  /** The room was joined so. */
  begun(): void
}

export interface ElsewhereRequest {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly content: JsonObject
  /** Servers that may be in the room, the best first. */
  readonly servers: readonly ServerName[]
}

/** The event that another server took, and that server. */
export interface TakenElsewhere extends FilledTemplate {
  readonly by: ServerName
  readonly answer: JsonValue
}

const TEMPLATE_MS = 30_000
const TEMPLATE_BYTES = 512 * 1024
/** A server may need minutes to put a large room together. */
const JOIN_MS = 10 * 60_000
const JOIN_BYTES = 1024 * 1024 * 1024
const SEND_MS = 60_000
const SEND_BYTES = 4 * 1024 * 1024

/** Memberships in rooms that this server is not in: another server gives the event its place and takes it (server-server API, "Joining rooms"). */
export class Elsewhere {
  readonly #parts: ElsewhereParts
  /** One join at a time into a room: whoever comes second finds this server in it. */
  readonly #joins = new KeyedLock<RoomId>()

  constructor(parts: ElsewhereParts) {
    this.#parts = parts
  }

  /**
   * Joins by another server. undefined: this server came into the room meanwhile, unless `through` says that another one has to let the user in. Throws what
   * `askInTurn` throws.
   */
  join(request: ElsewhereRequest, through = false): Promise<EventId | undefined> {
    return this.#joins.run(request.roomId, async () => {
      const { place } = await this.#parts.residency.of(request.roomId)
      if (place === 'here' && !through) return undefined
      return askInTurn(this.#toAsk(request), (server) => this.#joinBy(server, request, place === 'here'))
    })
  }

  /** Whether a join into the room is under way; resolves when it has ended. */
  underWay(roomId: RoomId): Promise<void> | undefined {
    return this.#joins.isFree(roomId) ? undefined : this.#joins.run(roomId, async () => {})
  }

  /** Leaves or knocks by another server. Throws what `askInTurn` throws. */
  async send(membership: Exclude<Handshake, 'join'>, request: ElsewhereRequest): Promise<TakenElsewhere> {
    const { requests } = this.#parts
    return askInTurn(this.#toAsk(request), async (server) => {
      const filled = await this.#template(server, { ...request, membership })
      const answer = await requests.json(server, {
        method: 'PUT',
        path: sendPath(membership, request.roomId, filled),
        body: JSON.parse(filled.built.json) as JsonObject,
        timeoutMs: SEND_MS,
        maxBytes: SEND_BYTES,
      })
      return { ...filled, by: server, answer }
    })
  }

  #toAsk({ servers }: ElsewhereRequest): readonly ServerName[] {
    return serversToAsk(this.#parts.filling.key.serverName, servers)
  }

  async #joinBy(server: ServerName, request: ElsewhereRequest, isHere: boolean): Promise<EventId> {
    const { requests, answers, graph, logger, partial, filling } = this.#parts
    const { roomId } = request
    const filled = await this.#template(server, { ...request, membership: 'join' })
    const { version, built } = filled
    const mayOmit = !isHere && (await partial.may(request))
    const stream = await requests.stream(server, {
      method: 'PUT',
      path: sendPath('join', roomId, filled),
      query: { omit_members: `${mayOmit}` },
      body: JSON.parse(built.json) as JsonObject,
      timeoutMs: JOIN_MS,
      maxBytes: JOIN_BYTES,
    })
    const join: CheckedEvent = { event: built.event, json: built.json }
    const asUsual = collectSooner()
    try {
      const { events, state, by, servers } = await answers.read(stream.bytes, { roomId, version, join, mayOmit })
      if (isHere) await this.#takeIn(graph, roomId, by)
      else if (servers === undefined) await graph.enter({ roomId, version, events, state, by })
      else {
        const others = servers.filter((name) => name !== filling.key.serverName)
        await graph.enter({ roomId, version, events, state, by, partial: { from: server, servers: others } })
        partial.begun()
      }
      return built.eventId
    } catch (error) {
      if (error instanceof UnusableAnswer) logger.warn({ err: error, server, roomId }, 'a join was answered badly')
      throw error
    } finally {
      asUsual()
      stream.destroy()
    }
  }

  /** The room is known: the join is an event of it like any other. */
  async #takeIn(graph: Pick<RoomGraph, 'receive'>, roomId: RoomId, by: CheckedEvent): Promise<void> {
    const [verdict] = await graph.receive(roomId, [by])
    if (verdict?.kind === 'rejected' || verdict?.kind === 'soft-failed') throw new UnusableAnswer(verdict.reason)
    // One that builds on events which are still to come is taken when they do: whoever let the user in sends all of it.
  }

  async #template(server: ServerName, wanted: WantedMember): Promise<FilledTemplate> {
    const { requests, filling } = this.#parts
    const { membership, roomId, userId } = wanted
    const answer = await requests.json(server, {
      method: 'GET',
      path: `/_matrix/federation/v1/make_${membership}/${encodeURIComponent(roomId)}/${encodeURIComponent(userId)}`,
      ...(membership === 'leave' ? {} : { query: { ver: [...ROOM_VERSIONS.keys()] } }),
      timeoutMs: TEMPLATE_MS,
      maxBytes: TEMPLATE_BYTES,
    })
    return fillTemplate(answer, wanted, filling)
  }
}

const sendPath = (membership: Handshake, roomId: RoomId, { built }: FilledTemplate): string =>
  `/_matrix/federation/${membership === 'knock' ? 'v1' : 'v2'}/send_${membership}/` +
  `${encodeURIComponent(roomId)}/${encodeURIComponent(built.eventId)}`
