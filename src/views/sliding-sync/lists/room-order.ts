import type { RoomNumber } from '#store'

/** Rooms in the order of a position that each has. Positions differ from room to room. A room is found, moved and counted without looking at the others. */
export class RoomOrder {
  /** Oldest first, so that what is new stands at the end. */
  readonly #rooms: RoomNumber[] = []
  readonly #positions = new Map<RoomNumber, number>()

  get size(): number {
    return this.#rooms.length
  }

  has(room: RoomNumber): boolean {
    return this.#positions.has(room)
  }

  position(room: RoomNumber): number | undefined {
    return this.#positions.get(room)
  }

  /** The room of that index, newest first. */
  at(index: number): RoomNumber | undefined {
    return this.#rooms[this.#rooms.length - 1 - index]
  }

  /** The index of a room, newest first. */
  indexOf(room: RoomNumber): number | undefined {
    const position = this.#positions.get(room)
    return position === undefined ? undefined : this.#rooms.length - 1 - this.#firstFrom(position)
  }

  put(room: RoomNumber, position: number): void {
    const before = this.#positions.get(room)
    if (before === position) return
    // The newest room that becomes newer still stays where it is.
    if (before !== undefined && position > before && this.at(0) === room) {
      this.#positions.set(room, position)
      return
    }
    this.remove(room)
    this.#rooms.splice(this.#firstFrom(position), 0, room)
    this.#positions.set(room, position)
  }

  remove(room: RoomNumber): boolean {
    const position = this.#positions.get(room)
    if (position === undefined) return false
    this.#rooms.splice(this.#firstFrom(position), 1)
    return this.#positions.delete(room)
  }

  /** Puts many rooms into an empty order. */
  fill(rooms: readonly (readonly [room: RoomNumber, position: number])[]): void {
    for (const [room, position] of [...rooms].sort(([, one], [, other]) => one - other)) {
      this.#rooms.push(room)
      this.#positions.set(room, position)
    }
  }

  /** Place of the oldest room whose position is not below that one. */
  #firstFrom(position: number): number {
    let low = 0
    let high = this.#rooms.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#positionOf(this.#rooms[middle]) < position) low = middle + 1
      else high = middle
    }
    return low
  }

  #positionOf(room: RoomNumber | undefined): number {
    return room === undefined ? 0 : (this.#positions.get(room) ?? 0)
  }
}
