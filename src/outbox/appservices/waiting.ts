import type { UserId } from '#spec'
import type { RoomNumber, UserNumber } from '#store'

/** Things that a service is to be told of, as far as news said; what exactly is read when a transaction is made. */
export class Waiting {
  /** Rooms with new events. */
  rooms = new Set<RoomNumber>()
  receiptRooms = new Set<RoomNumber>()
  typingRooms = new Set<RoomNumber>()
  presence = new Set<UserId>()
  /** Users of the service for whose devices messages may wait, or whose counts of keys changed. */
  inboxes = new Map<UserNumber, UserId>()
  deviceLists = false

  get isEmpty(): boolean {
    return (
      !this.deviceLists &&
      [this.rooms, this.receiptRooms, this.typingRooms, this.presence, this.inboxes].every(({ size }) => size === 0)
    )
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
