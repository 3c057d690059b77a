import { FederationFailure, type FederationRequests } from '#net'
import { type BuiltEvent, canonicalJson, withSignature } from '#rules'
import {
  type EventId,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  objectAt,
  type Pdu,
  type RoomVersion,
  type ServerName,
  serverOf,
} from '#spec'
import type { RoomGraph } from '../graph/index.ts'
import type { MembershipRequest } from '../memberships/memberships.ts'
import type { CheckedEvent } from '../receiving/index.ts'
import type { Rooms } from '../turns/rooms.ts'
import { askInTurn, UnusableAnswer } from './asked-servers.ts'
import { mindVerdict } from './take-handshakes.ts'
import type { ToldRoomState } from './told-room-state.ts'

export interface InvitesOutParts {
  readonly rooms: Pick<Rooms, 'turn'>
  readonly requests: Pick<FederationRequests, 'json'>
  readonly graph: Pick<RoomGraph, 'receive'>
  readonly told: Pick<ToldRoomState, 'pdus'>
}

interface DraftedInvite {
  readonly version: RoomVersion
  readonly built: BuiltEvent
  readonly state: readonly string[]
}

const INVITE_MS = 60_000
const MAX_ANSWER = 512 * 1024

/** Invites users of other servers: the invited user's server signs the event before it is put into the room. */
export class InvitesOut {
  readonly #parts: InvitesOutParts

  constructor(parts: InvitesOutParts) {
    this.#parts = parts
  }

  /** Throws `M_FORBIDDEN` if the room refuses the invite, and what the other server says to it. */
  async invite({ roomId, sender, target }: MembershipRequest, content: JsonObject): Promise<EventId> {
    const { rooms, graph, told } = this.#parts
    const drafted = await rooms.turn(roomId, async (turn): Promise<DraftedInvite | EventId> => {
      const current = await turn.state('m.room.member', target)
      if (current?.sender === sender && current.content.membership === 'invite') return current.eventId
      const draft = await turn.draftOf({ type: 'm.room.member', sender, stateKey: target, content })
      const built = await turn.policed(draft)
      return { version: turn.version, built, state: await told.pdus(turn.live.room, sender) }
    })
    if (typeof drafted === 'string') return drafted
    const server = serverOf(target)
    const event = await askInTurn([server], () => this.#signedBy(server, drafted))
    const [verdict] = await graph.receive(roomId, [event])
    mindVerdict(verdict)
    return event.event.eventId
  }

  /** The event with the signatures of both servers. Only signatures are taken from the answer. */
  async #signedBy(server: ServerName, { version, built, state }: DraftedInvite): Promise<CheckedEvent> {
    const answer = await this.#ask(server, { version, built, state })
    const signatures = objectAt(objectAt(answer, 'signatures') ?? {}, server) ?? {}
    let pdu = JSON.parse(built.json) as Pdu
    for (const [keyId, signature] of Object.entries(signatures))
      if (typeof signature === 'string') pdu = withSignature(pdu, server, keyId, signature)
    const json = canonicalJson(pdu, { strict: version.strictCanonicalJson })
    if (!json.ok) throw new UnusableAnswer('the signatures are no canonical JSON')
    return { event: built.event, json: json.value }
  }

  async #ask(server: ServerName, { version, built, state }: DraftedInvite): Promise<JsonObject> {
    const { requests } = this.#parts
    const path = `${encodeURIComponent(built.event.roomId)}/${encodeURIComponent(built.eventId)}`
    const limits = { timeoutMs: INVITE_MS, maxBytes: MAX_ANSWER }
    const event = JSON.parse(built.json) as JsonObject
    const roomState = state.map((text) => JSON.parse(text) as JsonObject)
    try {
      const body = { room_version: version.id, event, invite_room_state: roomState }
      const answer = await requests.json(server, { method: 'PUT', path: `${V2}/invite/${path}`, body, ...limits })
      return eventIn(answer)
    } catch (error) {
      if (!version.referencePairs || !isOldServer(error)) throw error
      const body = { ...event, unsigned: { invite_room_state: roomState } }
      const answer = await requests.json(server, { method: 'PUT', path: `${V1}/invite/${path}`, body, ...limits })
      return eventIn(Array.isArray(answer) ? (answer as readonly JsonValue[])[1] : undefined)
    }
  }
}

const V1 = '/_matrix/federation/v1'
const V2 = '/_matrix/federation/v2'

/** "Senders which receive a 400 or 404 response to this endpoint should retry using the v1 API", in room versions 1 and 2. */
const isOldServer = (error: unknown): boolean =>
  error instanceof FederationFailure && (error.parts.status === 400 || error.parts.status === 404)

const eventIn = (answer: JsonValue | undefined): JsonObject => {
  const event = isJsonObject(answer) ? answer.event : undefined
  if (!isJsonObject(event)) throw new UnusableAnswer('the answer has no event')
  return event
}
