import {
  isJsonObject,
  type JsonObject,
  MatrixError,
  parseUserId,
  type RoomId,
  type ServerName,
  serverOf,
  stringAt,
  type UserId,
} from '#spec'

/** The memberships that a user takes at a server which is in the room, as theirs is not. */
export type Handshake = 'join' | 'leave' | 'knock'

/** A member event on its way between two servers, as far as it says what it is. */
export interface MemberClaim {
  readonly membership: Handshake | 'invite'
  readonly roomId: RoomId
  /** The server that the sender must be of. */
  readonly server: ServerName
}

export interface ClaimedMember {
  readonly pdu: JsonObject
  readonly content: JsonObject
  readonly sender: UserId
  readonly target: UserId
}

/** Checks that a PDU is the member event that it is handed over as. Throws `M_INVALID_PARAM`. */
export const claimedMember = (value: unknown, { membership, roomId, server }: MemberClaim): ClaimedMember => {
  const wrong = (what: string): MatrixError => new MatrixError('M_INVALID_PARAM', `Not such an event: ${what}`)
  if (!isJsonObject(value)) throw wrong('no object')
  const content = Object.hasOwn(value, 'content') ? value.content : undefined
  if (stringAt(value, 'type') !== 'm.room.member' || !isJsonObject(content)) throw wrong('no member event')
  if (stringAt(content, 'membership') !== membership) throw wrong(`its membership is not ${membership}`)
  if (stringAt(value, 'room_id') !== roomId) throw wrong('of another room')
  const sender = parseUserId(stringAt(value, 'sender') ?? '')
  const target = parseUserId(stringAt(value, 'state_key') ?? '')
  if (sender === undefined || target === undefined) throw wrong('sender and state_key must be user IDs')
  if (serverOf(sender) !== server) throw wrong('the sender is of another server')
  if (membership !== 'invite' && sender !== target) throw wrong('sender and state_key differ')
  return { pdu: value, content, sender, target }
}

/** `origin`, where an event still has it, is the sender's server. Throws `M_INVALID_PARAM`. */
export const checkOrigin = ({ pdu }: Pick<ClaimedMember, 'pdu'>, server: ServerName): void => {
  const origin = stringAt(pdu, 'origin')
  if (origin !== undefined && origin !== server)
    throw new MatrixError('M_INVALID_PARAM', 'Not such an event: its origin is another server')
}
