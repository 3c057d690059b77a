import type { Clock } from '#base'
import { MAX_STICKY_MS, type RoomNumber } from '#store'
import type { News, NewsHandler } from '#streams'

interface Heard {
  /** Of the stream `stickyEvents`. */
  readonly position: number
  readonly atMs: number
}

/** Beyond so many rooms this process asks the store about each room for an hour. */
const MAX_ROOMS = 20_000

/** Remembers which rooms may hold sticky events, so that no sync asks the store about the others. No event is sticky for more than an hour. */
export class StickyRooms implements NewsHandler {
  readonly #clock: Clock
  readonly #heard = new Map<RoomNumber, Heard>()
  readonly #positions: { positions(): { readonly stickyEvents: number } }
  /** Nothing is known of what came before. */
  #since: Heard

  constructor({ clock, positions }: { clock: Clock; positions: { positions(): { readonly stickyEvents: number } } }) {
    this.#clock = clock
    this.#positions = positions
    this.#since = this.#now()
  }

  news(news: readonly News[]): void {
    for (const { stream, position, rooms } of news) {
      if (stream !== 'stickyEvents') continue
      for (const room of rooms) this.#heard.set(room, { position, atMs: this.#clock.nowMs() })
    }
    if (this.#heard.size > MAX_ROOMS) this.#forgetOld()
  }

  missed(): void {
    this.#heard.clear()
    this.#since = this.#now()
  }

  /** Whether the room may have events that are sticky now, after that position. */
  mayHave(room: RoomNumber, after: number): boolean {
    const heard = this.#heard.get(room)
    if (heard !== undefined && heard.position > after && this.#isRecent(heard)) return true
    return after < this.#since.position && this.#isRecent(this.#since)
  }

  #isRecent({ atMs }: Heard): boolean {
    return this.#clock.nowMs() < atMs + MAX_STICKY_MS
  }

  #forgetOld(): void {
    for (const [room, heard] of this.#heard) if (!this.#isRecent(heard)) this.#heard.delete(room)
    if (this.#heard.size > MAX_ROOMS) this.missed()
  }

  #now(): Heard {
    return { position: this.#positions.positions().stickyEvents, atMs: this.#clock.nowMs() }
  }
}
