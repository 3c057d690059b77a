import { textBytes } from '#base'
import type { UserId } from '#spec'

const SET_BYTES = 400
const SET_ENTRY_BYTES = 40

/** The members that one device was told of in one room: those that it has, and those in answers of which it is not known that they arrived. */
export class SentMembers {
  readonly #arrived = new Set<UserId>()
  /** With what the answer went up to, a position or a count of answers: the device has it once it asks from there on. */
  readonly #underWay = new Map<UserId, number>()
  /** Bytes in memory. */
  sizeBytes = SET_BYTES

  /** Begins an answer to a device that has everything up to `since`. A later answer may have been lost, so its members are forgotten. */
  settle(since: number): void {
    for (const [userId, upTo] of this.#underWay) {
      if (upTo <= since) this.#arrived.add(userId)
      else this.sizeBytes -= entryBytes(userId)
    }
    this.#underWay.clear()
  }

  has(userId: UserId): boolean {
    return this.#arrived.has(userId) || this.#underWay.has(userId)
  }

  add(userId: UserId, upTo: number): void {
    if (this.has(userId)) return
    this.#underWay.set(userId, upTo)
    this.sizeBytes += entryBytes(userId)
  }
}

const entryBytes = (userId: UserId): number => SET_ENTRY_BYTES + textBytes(userId)
