import { type JsonObject, MatrixError, ROOM_VERSIONS, type RoomId, type ServerName, serverOf, type UserId } from '#spec'
import type { Bans } from '../guards/room-guards.ts'
import { authoriseRestrictedJoin, type RestrictedJoinParts } from '../memberships/restricted-join.ts'
import type { Rooms } from '../turns/rooms.ts'
import type { RoomTurn } from '../turns/turn.ts'
import type { Handshake } from './handshake.ts'
import type { Residency } from './residency.ts'

export interface ServeTemplatesParts {
  readonly rooms: Pick<Rooms, 'turn'>
  readonly residency: Residency
  readonly reader: RestrictedJoinParts['reader']
  readonly serverName: ServerName
  readonly bans: Pick<Bans, 'mind'>
}

export interface TemplateRequest {
  readonly membership: Handshake
  readonly roomId: RoomId
  readonly userId: UserId
  /** The server that asks. */
  readonly origin: ServerName
  /** Room versions that it knows; undefined where that does not matter. */
  readonly versions: readonly string[] | undefined
}

/** An event to be filled in, hashed and signed by the server of its sender. */
export interface Template {
  readonly roomVersion: string
  readonly event: JsonObject
}

/** Answers `make_join`, `make_leave` and `make_knock` for rooms that this server is in (server-server API, "Joining rooms"). */
export class ServeTemplates {
  readonly #parts: ServeTemplatesParts

  constructor(parts: ServeTemplatesParts) {
    this.#parts = parts
  }

  /**
   * Throws `M_FORBIDDEN` for users of other servers and what the room refuses, `M_NOT_FOUND`, `M_INCOMPATIBLE_ROOM_VERSION`,
   * `M_UNABLE_TO_AUTHORISE_JOIN`, `M_UNABLE_TO_GRANT_JOIN`.
   */
  async make({ membership, roomId, userId, origin, versions }: TemplateRequest): Promise<Template> {
    const { rooms, residency } = this.#parts
    if (serverOf(userId) !== origin) throw new MatrixError('M_FORBIDDEN', 'The user is not of your server')
    if (membership !== 'leave') this.#parts.bans.mind(userId, roomId)
    const { version } = await residency.serve(roomId, origin)
    if (versions !== undefined && !versions.includes(version)) throw incompatible(version)
    if (membership === 'knock' && ROOM_VERSIONS.get(version)?.auth.knocking !== true) throw incompatible(version)
    return rooms.turn(roomId, async (turn) => {
      const voucher = membership === 'join' ? await this.#voucher(turn, userId) : undefined
      const content = { membership, ...(voucher === undefined ? {} : { join_authorised_via_users_server: voucher }) }
      const { pdu } = await turn.draftOf({ type: 'm.room.member', sender: userId, stateKey: userId, content })
      const { hashes: _, signatures: __, event_id: ___, ...event } = pdu
      return { roomVersion: version, event: { ...event, origin } }
    })
  }

  async #voucher(turn: RoomTurn, userId: UserId): Promise<UserId | undefined> {
    const current = await turn.membership(userId)
    if (current === 'join' || current === 'invite') return undefined
    return authoriseRestrictedJoin(turn, userId, this.#parts)
  }
}

/** "The error code used when the room version is not one of those": the server that asked learns which one it lacks. */
export const incompatible = (version: string): MatrixError =>
  new MatrixError('M_INCOMPATIBLE_ROOM_VERSION', 'Your server does not support the version of this room', {
    fields: { room_version: version },
  })
