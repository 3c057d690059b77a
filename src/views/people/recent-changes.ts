import type { CacheStats } from '#base'
import type { RoomNumber } from '#store'
import type { DurableStreamName, News, NewsHandler } from '#streams'

interface Change {
  readonly position: number
  /** Rooms whose members are told. */
  readonly rooms: readonly RoomNumber[]
  /** Users who are told wherever they are. */
  readonly users: readonly number[]
}

const LIMIT_BYTES = 1024 * 1024
const CHANGE_BYTES = 200
const NUMBER_BYTES = 8

export interface RecentChangesParts {
  readonly name: string
  readonly stream: DurableStreamName
  /** The newest position of the stream. */
  readonly position: number
}

/**
 * The users who were told of the newest changes of people (of their keys, or of their profiles), from the news of a stream. Most windows hold only
 * changes that do not concern the reader, and then the store need not be asked.
 */
export class RecentChanges implements NewsHandler {
  readonly #name: string
  readonly #stream: DurableStreamName
  readonly #changes: Change[] = []
  /** All changes above this position are here; undefined where news was missed and none came since. */
  #from: number | undefined
  #sizeBytes = 0
  #hits = 0
  #misses = 0

  constructor({ name, stream, position }: RecentChangesParts) {
    this.#name = name
    this.#stream = stream
    this.#from = position
  }

  stats(): CacheStats {
    return {
      ...{ name: this.#name, hits: this.#hits, misses: this.#misses, entries: this.#changes.length },
      ...{ sizeBytes: this.#sizeBytes, limitBytes: LIMIT_BYTES },
    }
  }

  news(news: readonly News[]): void {
    for (const { stream, position, rooms, users } of news) {
      if (stream !== this.#stream) continue
      this.#from ??= position
      this.#changes.push({ position, rooms, users })
      this.#sizeBytes += sizeOf({ rooms, users })
    }
    while (this.#sizeBytes > LIMIT_BYTES) this.#dropOldest()
  }

  missed(): void {
    this.#changes.length = 0
    this.#sizeBytes = 0
    this.#from = undefined
  }

  /** False only if no change above `after` was told to the user, or to one of the rooms. */
  mayConcern(user: number, rooms: { has(room: RoomNumber): boolean }, after: number): boolean {
    if (this.#from === undefined || after < this.#from) {
      this.#misses++
      return true
    }
    this.#hits++
    for (let index = this.#changes.length - 1; index >= 0; index--) {
      const change = this.#changes[index]
      if (change === undefined || change.position <= after) return false
      if (change.users.includes(user) || change.rooms.some((room) => rooms.has(room))) return true
    }
    return false
  }

  #dropOldest(): void {
    // Half at once, so that the array is not moved at each change.
    const dropped = this.#changes.splice(0, Math.max(1, this.#changes.length >> 1))
    for (const change of dropped) this.#sizeBytes -= sizeOf(change)
    this.#from = dropped.at(-1)?.position ?? this.#from
  }
}

const sizeOf = ({ rooms, users }: Pick<Change, 'rooms' | 'users'>): number =>
  CHANGE_BYTES + NUMBER_BYTES * (rooms.length + users.length)
