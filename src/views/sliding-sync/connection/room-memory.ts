import type { RoomNumber } from '#store'
import { Kinds, type KnownRoom, keyOf, packRooms, unpackRooms } from './packed-rooms.ts'

/** The rooms of a checkpoint: never changed, and small enough to be kept for many connections. */
export class Base {
  /** 0 for the empty one, which is stored nowhere. */
  readonly number: number
  /** Ascending. */
  readonly #rooms: Float64Array
  readonly #kinds: Uint16Array
  readonly #known: readonly KnownRoom[]

  private constructor(number: number, rooms: readonly (readonly [RoomNumber, KnownRoom])[]) {
    this.number = number
    const sorted = [...rooms].sort(([one], [other]) => one - other)
    const kinds = new Kinds()
    this.#rooms = Float64Array.from(sorted, ([room]) => room)
    this.#kinds = Uint16Array.from(sorted, ([, known]) => kinds.of(known))
    this.#known = kinds.all
  }

  static readonly EMPTY = new Base(0, [])

  /** Throws `NotPacked`. */
  static unpack(number: number, packed: string): Base {
    return new Base(number, unpackRooms(packed).rooms)
  }

  /** The packed text of a whole memory, for a new checkpoint. */
  static pack(memory: RoomMemory): string {
    return packRooms([...memory.rooms()], [])
  }

  /** Bytes in memory. */
  get sizeBytes(): number {
    return 400 + this.#rooms.length * 10 + this.#known.length * 250
  }

  get(room: RoomNumber): KnownRoom | undefined {
    let low = 0
    let high = this.#rooms.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const found = this.#rooms[middle] ?? 0
      if (found === room) return this.#known[this.#kinds[middle] ?? 0]
      if (found < room) low = middle + 1
      else high = middle - 1
    }
    return undefined
  }

  *rooms(): Generator<readonly [RoomNumber, KnownRoom], void, undefined> {
    for (const [index, room] of this.#rooms.entries()) {
      const known = this.#known[this.#kinds[index] ?? 0]
      if (known !== undefined) yield [room, known]
    }
  }
}

type Changes = ReadonlyMap<RoomNumber, KnownRoom | undefined>

const NO_CHANGES: Changes = new Map()

/**
 * The knowledge that a connection has of rooms: those of a checkpoint, and the changes since. Rooms that are not here were never sent. Copies share the changes until one of
 * them changes more: most answers leave the memory as it was.
 */
export class RoomMemory {
  readonly base: Base
  #changes: Changes
  /** The changes, where no copy has them too. */
  #own: Map<RoomNumber, KnownRoom | undefined> | undefined
  /** The packed text of the changes, where it is known. */
  #packed: string | undefined

  constructor(base: Base, changes: Changes = NO_CHANGES, packed?: string) {
    this.base = base
    this.#changes = changes
    this.#packed = packed
  }

  get(room: RoomNumber): KnownRoom | undefined {
    return this.#changes.has(room) ? this.#changes.get(room) : this.base.get(room)
  }

  set(room: RoomNumber, known: KnownRoom | undefined): void {
    if (isSame(this.get(room), known)) return
    this.#own ??= new Map(this.#changes)
    this.#changes = this.#own
    this.#packed = undefined
    if (isSame(this.base.get(room), known)) this.#own.delete(room)
    else this.#own.set(room, known)
  }

  /** All rooms, with one look at each. */
  *rooms(): Generator<readonly [RoomNumber, KnownRoom], void, undefined> {
    for (const [room, known] of this.base.rooms()) if (!this.#changes.has(room)) yield [room, known]
    for (const [room, known] of this.#changes) if (known !== undefined) yield [room, known]
  }

  copy(): RoomMemory {
    this.#own = undefined
    return new RoomMemory(this.base, this.#changes, this.#packed)
  }

  /** The changes alone. */
  packed(): string {
    this.#packed ??= this.#pack()
    return this.#packed
  }

  #pack(): string {
    const gone = [...this.#changes].flatMap(([room, known]) => (known === undefined ? [room] : []))
    const kept = [...this.#changes].flatMap(([room, known]) => (known === undefined ? [] : [[room, known] as const]))
    if (gone.length + kept.length === 0) return ''
    return packRooms(kept, gone)
  }

  /** Throws `NotPacked`. */
  static unpack(base: Base, packed: string): RoomMemory {
    if (packed === '') return new RoomMemory(base)
    const { rooms, gone } = unpackRooms(packed)
    const changes = new Map<RoomNumber, KnownRoom | undefined>(rooms)
    for (const room of gone) changes.set(room, undefined)
    return new RoomMemory(base, changes, packed)
  }
}

const isSame = (one: KnownRoom | undefined, other: KnownRoom | undefined): boolean =>
  one === other || (one !== undefined && other !== undefined && isEqual(one, other))

const isEqual = (one: KnownRoom, other: KnownRoom): boolean =>
  one.timelineLimit === other.timelineLimit &&
  one.state === other.state &&
  (one.until === other.until || (one.until !== undefined && other.until !== undefined && keyOf(one) === keyOf(other)))
