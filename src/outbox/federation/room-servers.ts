import { BoundedCache, type CacheStats, textBytes } from '#base'
import type { ServerName } from '#spec'
import type { RoomNumber, RoomsReader } from '#store'
import type { News } from '#streams'

/** A server in a room, and the position of the event by which it came. */
export interface OtherServer {
  readonly name: ServerName
  readonly since: number
}

const LIMIT_BYTES = 16 * 1024 * 1024

export interface RoomServersParts {
  readonly own: ServerName
  readonly rooms: Pick<RoomsReader, 'serversOf' | 'serversAt'>
}

/** Other servers in each room. A room without any, which is usual, costs a read once and a few bytes. */
export class RoomServers {
  readonly #parts: RoomServersParts
  readonly #cache = new BoundedCache<RoomNumber, readonly OtherServer[]>({
    name: 'room-servers',
    limitBytes: LIMIT_BYTES,
    sizeBytes: (names) => names.reduce((bytes, { name }) => bytes + 48 + textBytes(name), 32),
  })
  /** Counts what was forgotten: a read that was under way meanwhile is not kept. */
  #forgotten = 0

  constructor(parts: RoomServersParts) {
    this.#parts = parts
  }

  /** Forgets the rooms whose memberships changed. */
  hear(news: readonly News[]): void {
    for (const { stream, rooms, users } of news) {
      if (stream !== 'events' || users.length === 0) continue
      this.#forgotten++
      for (const room of rooms) this.#cache.delete(room)
    }
  }

  forgetAll(): void {
    this.#forgotten++
    this.#cache.clear()
  }

  /** Whether it is known without a read that no other server is in a room now. */
  isKnownAlone(room: RoomNumber): boolean {
    return this.#cache.get(room)?.length === 0
  }

  /** The other servers that are in a room now. */
  async othersIn(room: RoomNumber): Promise<readonly OtherServer[]> {
    const held = this.#cache.get(room)
    if (held !== undefined) return held
    const before = this.#forgotten
    const servers = await this.#parts.rooms.serversOf(room)
    const others = servers.filter(({ name }) => name !== this.#parts.own).map(({ name, since }) => ({ name, since }))
    if (before === this.#forgotten) this.#cache.set(room, others)
    return others
  }

  /** The other servers that were in a room right before the event at a position. */
  async othersAt(room: RoomNumber, position: number): Promise<readonly ServerName[]> {
    const servers = await this.#parts.rooms.serversAt(room, position)
    return servers.map(({ name }) => name).filter((name) => name !== this.#parts.own)
  }

  stats(): CacheStats {
    return this.#cache.stats()
  }
}
