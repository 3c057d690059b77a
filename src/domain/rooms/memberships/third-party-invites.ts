import { powerLevelsOf } from '#rules'
import {
  type JsonObject,
  MatrixError,
  parseUserId,
  type RoomId,
  type ServerName,
  serverOf,
  stringAt,
  type UserId,
} from '#spec'
import type { BlockedRooms } from '../guards/blocked-rooms.ts'
import { type Rooms, UnknownRoom } from '../turns/rooms.ts'
import type { RoomTurn } from '../turns/turn.ts'
import { checkInvitee, type MemberAccounts, type Memberships } from './memberships.ts'

const TYPE = 'm.room.third_party_invite'

export interface ThirdPartyInvitesParts {
  readonly rooms: Pick<Rooms, 'turn'>
  readonly accounts: MemberAccounts
  readonly memberships: Pick<Memberships, 'change'>
  readonly serverName: ServerName
  readonly blocked: Pick<BlockedRooms, 'mind'>
}

/** An identity server's word that a user has the address that was invited: `signed` of the specification, with all its members. */
export interface InviteProof {
  readonly mxid: UserId
  readonly token: string
  readonly signed: JsonObject
}

/** The part of a room that the mail to the invited person may tell (identity service API, `/store-invite`). */
const TOLD: readonly (readonly [name: string, type: string, key: string])[] = [
  ['room_name', 'm.room.name', 'name'],
  ['room_alias', 'm.room.canonical_alias', 'alias'],
  ['room_avatar_url', 'm.room.avatar', 'url'],
  ['room_join_rules', 'm.room.join_rules', 'join_rule'],
  ['room_type', 'm.room.create', 'type'],
]

/** The events of invites by an address (module "Third-party invites"). */
export class ThirdPartyInvites {
  readonly #parts: ThirdPartyInvitesParts

  constructor(parts: ThirdPartyInvitesParts) {
    this.#parts = parts
  }

  /** Checks that the user may invite, before anybody else hears of the invite. Returns what may be told of the room. Throws `M_FORBIDDEN`. */
  async prepare(roomId: RoomId, sender: UserId): Promise<JsonObject> {
    await this.#parts.blocked.mind(roomId)
    return this.#turn(roomId, async (turn) => {
      const create = await turn.state('m.room.create')
      const levels = powerLevelsOf(turn.version, create, await turn.state('m.room.power_levels'))
      if ((await turn.membership(sender)) !== 'join' || levels.ofUser(sender) < levels.invite)
        throw new MatrixError('M_FORBIDDEN', 'You may not invite people into this room')
      const about: Record<string, string> = {}
      for (const [name, type, key] of TOLD) {
        const told = stringAt((await turn.state(type))?.content ?? {}, key)
        if (told !== undefined) about[name] = told
      }
      return about
    })
  }

  /** Puts an invite into the room that whoever gets the token signed may accept. Throws `M_FORBIDDEN`. */
  async put(roomId: RoomId, sender: UserId, token: string, content: JsonObject): Promise<void> {
    await this.#turn(roomId, (turn) => turn.add({ type: TYPE, sender, stateKey: token, content }))
  }

  /** The content of a pending invite; undefined: there is none, or it was revoked. */
  async pending(roomId: RoomId, token: string): Promise<JsonObject | undefined> {
    const content = await this.#turn(roomId, async (turn) => (await turn.state(TYPE, token))?.content)
    return content === undefined || Object.keys(content).length === 0 ? undefined : content
  }

  /**
   * Invites the user, in the name of whoever sent the invite by the address. Does nothing where the user is invited or joined already. Throws
   * `M_FORBIDDEN` if there is no such invite or the proof is not good, and what `checkInvitee` throws.
   */
  async exchange(roomId: RoomId, { mxid, token, signed }: InviteProof): Promise<void> {
    const { accounts, serverName } = this.#parts
    const inviter = await this.#turn(roomId, async (turn) => (await turn.state(TYPE, token))?.sender)
    if (inviter === undefined || serverOf(inviter) !== serverName) throw noSuchInvite()
    await this.#parts.blocked.mind(roomId)
    if (serverOf(mxid) !== serverName) return this.#inviteElsewhere(roomId, inviter, { mxid, token, signed })
    await checkInvitee(accounts, serverName, inviter, mxid)
    const profile = await accounts.profileOf(mxid)
    await this.#turn(roomId, async (turn) => {
      const invite = await turn.state(TYPE, token)
      if (invite === undefined || invite.sender !== inviter) throw noSuchInvite()
      const current = await turn.membership(mxid)
      if (current === 'join' || current === 'invite') return
      const display_name = stringAt(invite.content, 'display_name') ?? ''
      const content = { ...profile, membership: 'invite', third_party_invite: { display_name, signed } }
      await turn.add({ type: 'm.room.member', sender: inviter, stateKey: mxid, content })
    })
  }

  /** The user's server has to sign the invite. */
  async #inviteElsewhere(roomId: RoomId, sender: UserId, { mxid, token, signed }: InviteProof): Promise<void> {
    const invite = await this.pending(roomId, token)
    const content = { third_party_invite: { display_name: stringAt(invite ?? {}, 'display_name') ?? '', signed } }
    await this.#parts.memberships.change({ roomId, sender, target: mxid, membership: 'invite', content })
  }

  async #turn<Value>(roomId: RoomId, plan: (turn: RoomTurn) => Promise<Value>): Promise<Value> {
    try {
      return await this.#parts.rooms.turn(roomId, plan)
    } catch (error) {
      throw error instanceof UnknownRoom ? error.hidden() : error
    }
  }
}

const noSuchInvite = (): MatrixError => new MatrixError('M_FORBIDDEN', 'There is no such invite in this room')

/** Throws `M_BAD_JSON` for an object without the members that a proof needs. */
export const inviteProofIn = (signed: JsonObject): InviteProof => {
  const mxid = parseUserId(stringAt(signed, 'mxid') ?? '')
  const token = stringAt(signed, 'token')
  if (mxid === undefined || token === undefined || token.includes('\0') || !token.isWellFormed())
    throw new MatrixError('M_BAD_JSON', 'A signed third-party invite needs mxid and token')
  return { mxid, token, signed }
}
