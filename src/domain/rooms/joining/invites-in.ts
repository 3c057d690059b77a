import { contentHashMatches, type SigningKey } from '#rules'
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  MatrixError,
  type Pdu,
  ROOM_VERSIONS,
  type RoomId,
  type RoomVersion,
  type ServerName,
  serverOf,
  type UserId,
} from '#spec'
import type { MemberAccounts } from '../memberships/memberships.ts'
import { type CheckedEvent, checkError, isChecked } from '../receiving/index.ts'
import { checkOrigin, claimedMember } from './handshake.ts'
import type { PduChecks, RoomAcls } from './neighbours.ts'
import type { OutsideRooms } from './outside-rooms.ts'
import type { Residency } from './residency.ts'
import { incompatible } from './serve-templates.ts'
import { signedAsWell } from './take-handshakes.ts'
import { strippedTexts } from './told-rooms.ts'

export interface InvitesInParts {
  readonly residency: Residency
  readonly outside: Pick<OutsideRooms, 'invited'>
  readonly checks: PduChecks
  readonly acls: RoomAcls
  readonly accounts: Pick<MemberAccounts, 'exists' | 'refusesInvite'>
  readonly key: SigningKey
  /** Throws `M_FORBIDDEN` for rooms that nobody of this server may enter. */
  readonly blocked: { mind(roomId: RoomId): Promise<void> }
}

export interface InviteRequest {
  readonly roomId: RoomId
  /** As the path has it. */
  readonly eventId: string
  readonly event: JsonValue | undefined
  readonly roomVersion: string
  readonly roomState: JsonValue | undefined
  readonly origin: ServerName
}

/** Takes invites that other servers make to users of this one (server-server API, "Inviting to a room"). */
export class InvitesIn {
  readonly #parts: InvitesInParts

  constructor(parts: InvitesInParts) {
    this.#parts = parts
  }

  /**
   * Returns the event with this server's signature. Throws `M_INCOMPATIBLE_ROOM_VERSION`, `M_INVALID_PARAM`, `M_MISSING_PARAM`, `M_FORBIDDEN`,
   * `M_INVITE_BLOCKED`.
   */
  async take(request: InviteRequest): Promise<JsonObject> {
    const { roomId, roomVersion, roomState, origin } = request
    const version = ROOM_VERSIONS.get(roomVersion)
    if (version === undefined) throw incompatible(roomVersion)
    const { sender, target } = this.#claimed(request)
    if (!(await this.#parts.acls.allows(roomId, origin)))
      throw new MatrixError('M_FORBIDDEN', 'Your server may not take part in this room')
    await this.#mindAccount(sender, target)
    await this.#parts.blocked.mind(roomId)
    const texts = await strippedTexts(roomState, { version, roomId, checks: this.#parts.checks })
    const { pdu, event } = await this.#signed(version, request)
    const { place, record } = await this.#parts.residency.of(roomId)
    // Where this server is in the room, the invite also comes as an event of it.
    const isHere = place === 'here' && record !== undefined
    if (!isHere) await this.#parts.outside.invited(version, event, { server: origin, texts })
    return pdu
  }

  #claimed({ event, roomId, origin }: InviteRequest) {
    const member = claimedMember(event, { membership: 'invite', roomId, server: origin })
    checkOrigin(member, origin)
    if (serverOf(member.target) !== this.#parts.key.serverName)
      throw new MatrixError('M_INVALID_PARAM', 'The invited user is not of this server')
    return member
  }

  async #mindAccount(sender: UserId, target: UserId): Promise<void> {
    const { accounts } = this.#parts
    if (!(await accounts.exists(target))) throw new MatrixError('M_FORBIDDEN', 'There is no such user')
    if (await accounts.refusesInvite(target, sender))
      throw new MatrixError('M_INVITE_BLOCKED', 'The user does not take this invite')
  }

  async #signed(
    version: RoomVersion,
    { event, eventId }: InviteRequest,
  ): Promise<{ readonly pdu: JsonObject; readonly event: CheckedEvent }> {
    const { unsigned: _, ...bare } = isJsonObject(event) ? event : {}
    const signed = signedAsWell(version, bare, this.#parts.key)
    const [checked] = await this.#parts.checks.check(version, [signed])
    if (checked === undefined || !isChecked(checked)) throw checkError(checked)
    if (!contentHashMatches(version, signed as Pdu)) throw new MatrixError('M_INVALID_PARAM', 'The hash does not match')
    if (checked.event.eventId !== eventId) throw new MatrixError('M_INVALID_PARAM', 'The path names another event')
    return { pdu: signed, event: checked }
  }
}
