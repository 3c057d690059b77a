import { type EventId, type JsonObject, MatrixError, type Pdu, type RoomId, stringAt, type UserId } from '#spec'
import type { MembersReader, RoomGraphReader, RoomRecordsReader, RoomStateReader, StateEntryName } from '#store'

export interface RoomTablesParts {
  readonly reader: Pick<RoomRecordsReader, 'roomByRoomId'> &
    Pick<MembersReader, 'joinedMembers'> &
    Pick<RoomStateReader, 'stateInForce'> &
    Pick<RoomGraphReader, 'resolvedChanges'>
}

export interface JoinedRow {
  readonly userId: UserId
  readonly displayName: string | undefined
}

export interface StateRow extends StateEntryName {
  readonly eventId: EventId
  readonly sender: UserId
  readonly sentAtMs: number
  readonly content: JsonObject
}

export interface ChangeRow extends StateEntryName {
  readonly position: number
  readonly before: EventId | undefined
  readonly after: EventId | undefined
}

const MEMBER = 'm.room.member'
/** The newest changes that are shown of a room. */
const MAX_CHANGES = 200

/** Parts of a room, row by row, for administrators. */
export class RoomTables {
  readonly #parts: RoomTablesParts

  constructor(parts: RoomTablesParts) {
    this.#parts = parts
  }

  /** Returns who is joined, by user id, beyond the id `after`. Throws `M_NOT_FOUND` for a room that this server does not know. */
  async joined(roomId: RoomId, after: string, limit: number): Promise<readonly JoinedRow[]> {
    const page = await this.#parts.reader.joinedMembers(await this.#room(roomId), after, limit)
    return page.map(({ userId, json }) => ({
      userId,
      displayName: stringAt((JSON.parse(json) as Pdu).content, 'displayname'),
    }))
  }

  /** The current state by type and state key, beyond the entry `after`, without members. Throws `M_NOT_FOUND`. */
  async state(roomId: RoomId, after: StateEntryName, limit: number): Promise<readonly StateRow[]> {
    const room = await this.#room(roomId)
    const isBefore = after.type < MEMBER
    const first = isBefore ? await this.#parts.reader.stateInForce(room, { after, beforeType: MEMBER, limit }) : []
    const rest = limit - first.length
    const beyond = isBefore || after.type === MEMBER ? { type: `${MEMBER}\u0001`, stateKey: '' } : after
    const second =
      rest === 0
        ? []
        : await this.#parts.reader.stateInForce(room, { after: beyond, beforeType: undefined, limit: rest })
    return [...first, ...second].map(({ change, event }) => ({
      ...{ type: change.type, stateKey: change.stateKey, eventId: event.eventId, sender: event.sender },
      sentAtMs: event.originServerTs,
      content: (JSON.parse(event.json) as Pdu).content,
    }))
  }

  /** The newest changes of the state that no event made: state resolution did. Throws `M_NOT_FOUND`. */
  async changedByResolution(roomId: RoomId): Promise<readonly ChangeRow[]> {
    return this.#parts.reader.resolvedChanges(await this.#room(roomId), MAX_CHANGES)
  }

  async #room(roomId: RoomId): Promise<number> {
    const record = await this.#parts.reader.roomByRoomId(roomId)
    if (record === undefined) throw new MatrixError('M_NOT_FOUND', 'This server knows no such room')
    return record.room
  }
}
