import { type EventId, type JsonObject, MatrixError, MEMBERSHIPS, parseUserId, type RoomId, type UserId } from '#spec'
import type { Memberships } from './memberships/memberships.ts'
import type { Sending } from './sending/sending.ts'
import { UnknownRoom } from './turns/rooms.ts'
import type { Draft } from './turns/turn.ts'

export interface StateRequest {
  readonly roomId: RoomId
  readonly sender: UserId
  readonly guest: boolean
  readonly type: string
  readonly stateKey: string
  readonly content: JsonObject
  readonly transaction?: Draft['transaction']
  readonly stickyMs?: Draft['stickyMs']
  readonly originServerTs?: Draft['originServerTs']
}

export interface SetRoomStateParts {
  readonly successors: { replaced(roomId: RoomId): Promise<void> }
  readonly sending: Pick<Sending, 'state'>
  readonly memberships: Pick<Memberships, 'change' | 'removeGuests'>
}

/** `PUT /state`: sets state, with the further changes that some types of state require. */
export class SetRoomState {
  readonly #parts: SetRoomStateParts

  constructor(parts: SetRoomStateParts) {
    this.#parts = parts
  }

  /** Throws what `Sending.state` and `Memberships.change` throw. */
  async set(request: StateRequest): Promise<EventId> {
    const { roomId, sender, type, stateKey, content, transaction, stickyMs, originServerTs } = request
    if (type === 'm.room.member') return this.#setMember(request)
    const eventId = await this.#parts.sending.state(roomId, {
      ...{ type, sender, stateKey, content, transaction, stickyMs, originServerTs },
    })
    if (type === 'm.room.guest_access' && stateKey === '' && content.guest_access !== 'can_join')
      await this.#parts.memberships.removeGuests(roomId)
    if (type === 'm.room.tombstone' && stateKey === '') await this.#parts.successors.replaced(roomId)
    return eventId
  }

  /** Treats a member event as a change of membership ("the target member's state by making a request to …/state"). */
  async #setMember({
    roomId,
    sender,
    guest,
    stateKey,
    content,
    transaction,
    originServerTs,
  }: StateRequest): Promise<EventId> {
    const target = parseUserId(stateKey)
    if (target === undefined) throw new MatrixError('M_INVALID_PARAM', 'The state key of a member is a user ID')
    const membership = MEMBERSHIPS.find((known) => known === content.membership)
    if (membership === undefined) throw new MatrixError('M_BAD_JSON', 'membership must be one of the known ones')
    if (guest && (target !== sender || (membership !== 'join' && membership !== 'leave')))
      throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests may only join and leave')
    try {
      return await this.#parts.memberships.change({
        ...{ roomId, sender, target, membership, content, transaction, originServerTs },
      })
    } catch (error) {
      throw error instanceof UnknownRoom ? error.hidden() : error
    }
  }
}
