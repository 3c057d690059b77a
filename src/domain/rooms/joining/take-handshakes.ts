import { checkPdu, essentialJson, type SigningKey, withSignature } from '#rules'
import {
  type JsonObject,
  MatrixError,
  parseUserId,
  ROOM_VERSIONS,
  type RoomId,
  type RoomVersion,
  type ServerName,
  serverOf,
  stringAt,
} from '#spec'
import { type EventsReader, isInHistory, type RoomRecord } from '#store'
import type { RoomGraph, Verdict } from '../graph/index.ts'
import type { Bans } from '../guards/room-guards.ts'
import { authoriseRestrictedJoin, type RestrictedJoinParts } from '../memberships/restricted-join.ts'
import { type CheckedEvent, checkError, isChecked } from '../receiving/index.ts'
import type { Rooms } from '../turns/rooms.ts'
import { type ClaimedMember, checkOrigin, claimedMember, type Handshake } from './handshake.ts'
import type { Forwarding, PduChecks } from './neighbours.ts'
import type { Residency } from './residency.ts'

export interface TakeHandshakesParts {
  readonly rooms: Pick<Rooms, 'turn'>
  readonly residency: Residency
  readonly reader: RestrictedJoinParts['reader'] & Pick<EventsReader, 'event'>
  readonly checks: PduChecks
  readonly graph: Pick<RoomGraph, 'receive'>
  readonly forwarding: Forwarding
  readonly key: SigningKey
  readonly bans: Pick<Bans, 'mind'>
}

export interface HandshakeRequest {
  readonly membership: Handshake
  readonly roomId: RoomId
  /** As the path has it. */
  readonly eventId: string
  readonly pdu: JsonObject
  readonly origin: ServerName
}

/** A member event that is in its room now. */
export interface TakenHandshake {
  readonly record: RoomRecord
  readonly version: RoomVersion
  readonly event: CheckedEvent
}

/** Takes the member events of `send_join`, `send_leave` and `send_knock` into rooms that this server is in, for all servers in them. */
export class TakeHandshakes {
  readonly #parts: TakeHandshakesParts

  constructor(parts: TakeHandshakesParts) {
    this.#parts = parts
  }

  /** Throws `M_INVALID_PARAM` for what is not such an event, `M_NOT_FOUND`, `M_FORBIDDEN`, and what a template throws of restricted joins. */
  async take(request: HandshakeRequest): Promise<TakenHandshake> {
    const { membership, roomId, eventId, origin } = request
    const member = claimedMember(request.pdu, { membership, roomId, server: origin })
    checkOrigin(member, origin)
    if (membership !== 'leave') this.#parts.bans.mind(member.target, roomId)
    const record = await this.#parts.residency.serve(roomId, origin)
    const version = ROOM_VERSIONS.get(record.version)
    if (version === undefined) throw new MatrixError('M_NOT_FOUND', 'This server cannot serve the room')
    if (membership === 'knock' && !version.auth.knocking) throw new MatrixError('M_FORBIDDEN', 'Nobody can knock here')
    const pdu = await this.#vouchedFor(version, member, roomId)
    const [checked] = await this.#parts.checks.check(version, [pdu])
    if (checked === undefined || !isChecked(checked)) throw checkError(checked)
    if (checked.event.eventId !== eventId) throw new MatrixError('M_INVALID_PARAM', 'The path names another event')
    await this.#parts.forwarding.forward(checked.event.eventId)
    const [verdict] = await this.#parts.graph.receive(roomId, [checked])
    mindVerdict(verdict)
    // One that came before may have been refused then.
    const known = verdict?.kind === 'known' ? await this.#parts.reader.event(checked.event.eventId) : undefined
    if (known !== undefined && !isInHistory(known)) throw new MatrixError('M_FORBIDDEN', 'The room refused this event')
    return { record, version, event: checked }
  }

  /** The event with the signature of this server, where one of its users vouches for a restricted join. */
  async #vouchedFor(
    version: RoomVersion,
    { pdu, content, target }: ClaimedMember,
    roomId: RoomId,
  ): Promise<JsonObject> {
    const { key, rooms, reader } = this.#parts
    const voucher = parseUserId(stringAt(content, 'join_authorised_via_users_server') ?? '')
    if (!version.auth.restrictedJoins || voucher === undefined || serverOf(voucher) !== key.serverName) return pdu
    await rooms.turn(roomId, async (turn) => {
      // Whether that voucher may is for the room's rules to say; who may be vouched for, for this server alone.
      const current = await turn.membership(target)
      if (current !== 'join' && current !== 'invite')
        await authoriseRestrictedJoin(turn, target, { reader, serverName: key.serverName })
    })
    return signedAsWell(version, pdu, key)
  }
}

/** An event with one more signature, that of this server. Throws `M_INVALID_PARAM` for what is no event. */
export const signedAsWell = (version: RoomVersion, value: JsonObject, key: SigningKey): JsonObject => {
  const pdu = checkPdu(version, value)
  const essential = pdu.ok ? essentialJson(version, pdu.value) : undefined
  if (!pdu.ok || essential?.ok !== true) throw new MatrixError('M_INVALID_PARAM', 'Not a valid event')
  return withSignature(pdu.value, key.serverName, key.keyId, key.sign(essential.value))
}

/** Throws where the room did not take the event: `M_FORBIDDEN`, or `M_INVALID_PARAM` where it builds on what nobody here knows. */
export const mindVerdict = (verdict: Verdict | undefined): void => {
  switch (verdict?.kind) {
    case 'accepted':
    case 'known':
      return
    case 'missing':
      throw new MatrixError('M_INVALID_PARAM', 'The event refers to events that this server does not have')
    default:
      throw new MatrixError('M_FORBIDDEN', verdict?.reason ?? 'The room does not take this event')
  }
}
