import type { Membership, RoomId } from '#spec'
import type { MembershipRecord, RoomNumber } from '#store'
import type { Positions } from '#streams'
import type { KnownRoom } from '../connection/packed-rooms.ts'
import type { RoomMemory } from '../connection/room-memory.ts'
import type { AnsweredRoom, RoomScope } from '../extension.ts'
import type { Decision } from './decision.ts'
import type { Scope } from './scope.ts'

export interface AnswerScopeParts {
  readonly decision: Decision
  readonly scope: Scope
  readonly records: ReadonlyMap<RoomNumber, MembershipRecord>
  readonly memory: RoomMemory
  readonly answered: ReadonlyMap<RoomNumber, AnsweredRoom>
}

/**
 * The scope for extensions. The rooms in it are those that the memory has as in scope: the lists may have moved on since. Only the names of lists are looked up when they are asked for.
 */
export class AnswerScope implements RoomScope {
  readonly answered: ReadonlyMap<RoomNumber, AnsweredRoom>
  readonly entered: ReadonlyMap<RoomNumber, Positions | undefined>
  readonly #parts: AnswerScopeParts

  constructor(parts: AnswerScopeParts) {
    this.#parts = parts
    this.answered = parts.answered
    this.entered = parts.decision.entered
  }

  *all(): Generator<RoomNumber, void, undefined> {
    for (const [room, known] of this.#parts.memory.rooms()) if (isIn(known)) yield room
  }

  has(room: RoomNumber): boolean {
    return isIn(this.#parts.memory.get(room))
  }

  listsOf(room: RoomNumber): readonly string[] {
    return this.#parts.scope.rulesOf(room).map(({ name }) => name)
  }

  isSubscribed(room: RoomNumber): boolean {
    return this.#parts.scope.subscribed.has(room)
  }

  roomId(room: RoomNumber): RoomId | undefined {
    return this.#record(room)?.roomId
  }

  membership(room: RoomNumber): Membership | undefined {
    return this.#record(room)?.membership
  }

  #record(room: RoomNumber): MembershipRecord | undefined {
    const { records, scope } = this.#parts
    return records.get(room) ?? scope.record(room)
  }
}

const isIn = (known: KnownRoom | undefined): boolean => known !== undefined && known.until === undefined
