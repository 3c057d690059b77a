import type { CacheStats } from '#base'
import type { RoomNumber } from '#store'
import type { DurableStreamName, News, NewsHandler } from '#streams'

interface Change {
  readonly position: number
  /** Rooms whose members are told; undefined where they are not known yet. */
  rooms: readonly RoomNumber[] | undefined
  /** Users who are told wherever they are. */
  readonly users: readonly number[]
  readonly around: number | undefined
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
    for (const { stream, position, rooms, users, around } of news) {
      if (stream !== this.#stream) continue
      this.#from ??= position
      const change = { position, rooms: around === undefined ? rooms : undefined, users, around }
      this.#changes.push(change)
      this.#sizeBytes += sizeOf(change)
    }
    this.#fit()
  }

  roomsFound(news: readonly News[]): void {
    for (const { stream, position, rooms, around } of news) {
      if (stream !== this.#stream) continue
      for (const change of this.#changes) {
        if (change.around !== around || change.rooms !== undefined || change.position > position) continue
        change.rooms = rooms
        this.#sizeBytes += NUMBER_BYTES * rooms.length
      }
    }
    this.#fit()
  }

  missed(): void {
    this.#changes.length = 0
    this.#sizeBytes = 0
    this.#from = undefined
  }

  /** False only if no change above `after` was told to the user, or to one of the rooms. A change whose rooms are not known yet may concern anybody. */
  mayConcern(user: number, rooms: { has(room: RoomNumber): boolean }, after: number): boolean {
    if (this.#from === undefined || after < this.#from) {
      this.#misses++
      return true
    }
    this.#hits++
    for (let index = this.#changes.length - 1; index >= 0; index--) {
      const change = this.#changes[index]
      if (change === undefined || change.position <= after) return false
      if (change.rooms === undefined || change.users.includes(user)) return true
      if (change.rooms.some((room) => rooms.has(room))) return true
    }
    return false
  }

  #fit(): void {
    while (this.#sizeBytes > LIMIT_BYTES) this.#dropOldest()
  }

  #dropOldest(): void {
    // Half at once, so that the array is not moved at each change.
    const dropped = this.#changes.splice(0, Math.max(1, this.#changes.length >> 1))
    for (const change of dropped) this.#sizeBytes -= sizeOf(change)
    this.#from = dropped.at(-1)?.position ?? this.#from
  }
}

const sizeOf = ({ rooms, users }: Change): number => CHANGE_BYTES + NUMBER_BYTES * ((rooms?.length ?? 0) + users.length)
