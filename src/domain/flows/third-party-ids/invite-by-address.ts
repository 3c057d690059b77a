import type { Logger } from '#base'
import { thirdPartyInviteSigners } from '#rules'
import { type JsonObject, MatrixError, parseUserId, type RoomId, stringAt, type UserId } from '#spec'
import type { ExchangeElsewhere, MemberProfile, Memberships, ThirdPartyInvites } from '../../rooms/index.ts'
import { type InviteProof, inviteProofIn } from '../../rooms/index.ts'
import { type IdentityServerInviting, type ThirdPartyId, thirdPartyIdOf } from '../../threepids/index.ts'
import { identityServerFailure } from '../stages/email-proof.ts'

/** `invite_3pid.yaml`, as the client sent it. */
export interface InvitedAddress {
  readonly medium?: string | undefined
  readonly address?: string | undefined
  readonly id_server?: string | undefined
  /** Clients of 2015 had none. */
  readonly id_access_token?: string | undefined
}

/** An address that belongs to nobody, as far as its identity server knows. */
interface UnboundAddress {
  readonly threepid: ThirdPartyId
  readonly idServer: string
  readonly accessToken: string | undefined
}

/** The users whose addresses were invited, and the addresses that are nobody's. */
export interface LookedUp {
  readonly users: readonly UserId[]
  readonly unbound: readonly UnboundAddress[]
}

export interface InviteByAddressParts {
  readonly identityServers: IdentityServerInviting
  /** Whether any identity server is trusted. */
  readonly trustsIdentityServers: boolean
  readonly invites: ThirdPartyInvites
  readonly memberships: Pick<Memberships, 'change'>
  /** For rooms that only other servers are in. */
  readonly elsewhere: Pick<ExchangeElsewhere, 'exchange'>
  profileOf(userId: UserId): Promise<MemberProfile>
  readonly logger: Logger
}

/** A pending invite as an identity server hands it over (server-server API, `/3pid/onbind`). */
export interface HandedInvite {
  readonly roomId: RoomId
  /** The user who invited; undefined where the identity server does not say. */
  readonly sender: UserId | undefined
  readonly signed: JsonObject
}

/** Invites of people of whom only an address is known (module "Third-party invites"). */
export class InviteByAddress {
  readonly #parts: InviteByAddressParts

  constructor(parts: InviteByAddressParts) {
    this.#parts = parts
  }

  /**
   * Invites the user who has the address, or has an invite stored for whoever will have it. Throws `M_FORBIDDEN` before any other server
   * hears of it, `M_INVALID_PARAM`, `M_SERVER_NOT_TRUSTED`, and the identity server's own error.
   */
  async invite(roomId: RoomId, sender: UserId, invited: InvitedAddress, content: JsonObject): Promise<void> {
    await this.#parts.invites.prepare(roomId, sender)
    const { users, unbound } = await this.lookUp([invited])
    for (const target of users)
      await this.#parts.memberships.change({ roomId, sender, target, membership: 'invite', content })
    for (const address of unbound) await this.#store(roomId, sender, address)
  }

  /** Finds out whose these addresses are. Throws what `invite` throws, but for `M_FORBIDDEN`. */
  async lookUp(invited: readonly InvitedAddress[]): Promise<LookedUp> {
    if (invited.length > 0) this.#needTrusted()
    const addresses = invited.map(addressOf)
    const answers = await Promise.all(
      addresses.map(async (address) => {
        const answer = await this.#parts.identityServers.lookup(address)
        if (answer.kind === 'found') return answer.userId
        if (answer.kind === 'unknown') return address
        throw identityServerFailure(answer)
      }),
    )
    return {
      users: [...new Set(answers.filter((answer) => typeof answer === 'string'))],
      unbound: answers.filter((answer) => typeof answer !== 'string'),
    }
  }

  /** Invites into a room that its sender has just made: an invite that fails is left out, as the room is there. */
  async inviteIntoNew(roomId: RoomId, sender: UserId, unbound: readonly UnboundAddress[]): Promise<void> {
    const { logger } = this.#parts
    for (const address of unbound)
      await this.#store(roomId, sender, address).catch((err: unknown) =>
        logger.warn({ err, roomId }, 'a new room lacks an invite by an address'),
      )
  }

  async #store(roomId: RoomId, sender: UserId, address: UnboundAddress): Promise<void> {
    const { identityServers, invites, profileOf } = this.#parts
    const room = await invites.prepare(roomId, sender)
    const { displayname, avatar_url: avatar } = await profileOf(sender)
    const about = {
      ...room,
      ...(displayname === undefined ? {} : { sender_display_name: displayname }),
      ...(avatar === undefined ? {} : { sender_avatar_url: avatar }),
    }
    const stored = await identityServers.storeInvite({ ...address, roomId, sender, about })
    if (stored.kind !== 'stored') throw identityServerFailure(stored)
    const keys = stored.keys.map(({ publicKey, validityUrl }) => ({
      public_key: publicKey,
      ...(validityUrl === undefined ? {} : { key_validity_url: validityUrl }),
    }))
    const content = { display_name: stored.displayName, ...keys[0], public_keys: keys }
    await invites.put(roomId, sender, stored.token, content)
  }

  #needTrusted(): void {
    if (!this.#parts.trustsIdentityServers)
      throw new MatrixError('M_THREEPID_DENIED', 'This server does not invite by e-mail address or phone number')
  }

  /** `third_party_signed` of a join: invites the user who presents it. Throws `M_BAD_JSON`, `M_FORBIDDEN`, `M_THREEPID_DENIED`. */
  async accept(roomId: RoomId, userId: UserId, signed: JsonObject): Promise<void> {
    this.#needTrusted()
    const proof = inviteProofIn(signed)
    if (proof.mxid !== userId) throw new MatrixError('M_FORBIDDEN', 'The invite is for somebody else')
    const sender = parseUserId(stringAt(signed, 'sender') ?? '')
    if (!(await this.#parts.elsewhere.exchange(roomId, sender, proof))) await this.exchange(roomId, proof)
  }

  /** Turns the invites that waited for an address into invites of the user who has it now. Those that are not good are left out. */
  async onBound(userId: UserId, handed: readonly HandedInvite[]): Promise<void> {
    for (const { roomId, sender, signed } of handed) {
      try {
        const proof = inviteProofIn(signed)
        if (proof.mxid !== userId || (await this.#parts.elsewhere.exchange(roomId, sender, proof))) continue
        await this.exchange(roomId, proof)
      } catch (error) {
        if (!(error instanceof MatrixError)) throw error
        this.#parts.logger.info({ roomId, reason: error.message }, 'an invite by an address was not taken')
      }
    }
  }

  /** Invites the user of the proof, for which another server may ask. Throws `M_FORBIDDEN` if there is no such invite or the proof is not good, and what an invite throws. */
  async exchange(roomId: RoomId, proof: InviteProof): Promise<void> {
    const { invites, identityServers } = this.#parts
    const invite = await invites.pending(roomId, proof.token)
    const signers = invite === undefined ? [] : thirdPartyInviteSigners(invite, proof.signed)
    for (const { publicKey, validityUrl } of signers) {
      const isValid = validityUrl === undefined || (await identityServers.isKeyValid(publicKey, validityUrl))
      if (isValid) return invites.exchange(roomId, proof)
    }
    throw new MatrixError('M_FORBIDDEN', 'The room has no such invite, or it is not signed by its identity server')
  }
}

/** Throws `M_MISSING_PARAM`, `M_INVALID_PARAM`. */
const addressOf = ({ medium, address, id_server: idServer, id_access_token }: InvitedAddress): UnboundAddress => {
  if (medium === undefined || address === undefined || idServer === undefined)
    throw new MatrixError('M_MISSING_PARAM', 'An invite by an address needs medium, address and id_server')
  const threepid = thirdPartyIdOf(medium, address)
  if (threepid === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not an address that can be invited')
  return { threepid, idServer, accessToken: id_access_token }
}
