import type { UserId } from '#spec'
import type { RoomNumber, UserNumber } from '#store'

/** Things that a service is to be told of, as far as news said; what exactly is read when a transaction is made. */
export class Waiting {
  /** Rooms with new events. */
  readonly rooms = new Set<RoomNumber>()
  readonly receiptRooms = new Set<RoomNumber>()
  /** Users of the service whose private receipts may have moved. */
  readonly receiptUsers = new Set<UserNumber>()
  readonly typingRooms = new Set<RoomNumber>()
  readonly presence = new Set<UserId>()
  /** Users of the service for whose devices messages may wait, or whose counts of keys changed. */
  readonly inboxes = new Map<UserNumber, UserId>()
  deviceLists = false

  /** How many there are of each kind. */
  get counts(): readonly number[] {
    return this.#kinds.map(({ size }) => size)
  }

  copy(): Waiting {
    const copy = new Waiting()
    copy.add(this)
    return copy
  }

  /** Returns everything, and has nothing itself after that. */
  takeAll(): Waiting {
    const taken = this.copy()
    for (const kind of this.#kinds) kind.clear()
    this.deviceLists = false
    return taken
  }

  add(other: Waiting): void {
    for (const room of other.rooms) this.rooms.add(room)
    for (const room of other.receiptRooms) this.receiptRooms.add(room)
    for (const user of other.receiptUsers) this.receiptUsers.add(user)
    for (const room of other.typingRooms) this.typingRooms.add(room)
    for (const userId of other.presence) this.presence.add(userId)
    for (const [user, userId] of other.inboxes) this.inboxes.set(user, userId)
    this.deviceLists ||= other.deviceLists
  }

  get isEmpty(): boolean {
    return !this.deviceLists && this.#kinds.every(({ size }) => size === 0)
  }

  get #kinds(): readonly { readonly size: number; clear(): void }[] {
    const { rooms, receiptRooms, receiptUsers, typingRooms, presence, inboxes } = this
    return [rooms, receiptRooms, receiptUsers, typingRooms, presence, inboxes]
  }
}

/** Takes the first few of a set out of it. */
export const takeFrom = <Value>(values: Set<Value>, limit: number): readonly Value[] => {
  const taken: Value[] = []
  for (const value of values) {
    if (taken.length >= limit) break
    taken.push(value)
    values.delete(value)
  }
  return taken
}

/** The same of a map. */
export const takeEntriesFrom = <Key, Value>(
  values: Map<Key, Value>,
  limit: number,
): readonly (readonly [Key, Value])[] => {
  const taken: (readonly [Key, Value])[] = []
  for (const entry of values) {
    if (taken.length >= limit) break
    taken.push(entry)
    values.delete(entry[0])
  }
  return taken
}
