import type { RoomNumber, UserNumber } from '#store'
import type { News } from '#streams'

/** A user whose membership of a room changed. */
export interface Coming {
  readonly room: RoomNumber
  readonly user: UserNumber
}

/** Limit of users whose entrance is looked at. Where more come at once, as with a server's entrance of a room, none is: of the user who entered there is news as well. */
const MAX_USERS = 50
/** Limit of what waits; the rest is dropped: servers ask again for the lists of those who come into a room. */
const MAX_WAITING = 10_000

/** Changes of memberships that may let servers share a room with a user here. */
export class Comings {
  readonly #waiting = new Map<string, Coming>()

  hear(news: readonly News[]): void {
    for (const { stream, rooms, users } of news) {
      if (stream !== 'events' || users.length > MAX_USERS) continue
      for (const room of rooms) for (const user of users) this.#add({ room, user })
    }
  }

  get empty(): boolean {
    return this.#waiting.size === 0
  }

  /** Takes some; those that could not be looked at are to be given back. */
  take(count: number): readonly Coming[] {
    const taken: Coming[] = []
    for (const [key, coming] of this.#waiting) {
      if (taken.length === count) break
      this.#waiting.delete(key)
      taken.push(coming)
    }
    return taken
  }

  giveBack(comings: readonly Coming[]): void {
    for (const coming of comings) this.#add(coming)
  }

  #add(coming: Coming): void {
    if (this.#waiting.size < MAX_WAITING) this.#waiting.set(`${coming.room} ${coming.user}`, coming)
  }
}
