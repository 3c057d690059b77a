import type { RoomNumber } from '#store'
import type { Positions } from '#streams'
import type { RoomFilters } from '../request.ts'
import { RoomOrder } from './room-order.ts'

/** The positions at which a list last changed by more than rooms that moved to its top. */
export type Disturbed = Pick<Positions, 'events' | 'accountData'>

/** The rooms of a user that pass some filters, newest first. */
export class RoomList {
  readonly filters: RoomFilters
  readonly order = new RoomOrder()
  #disturbed: Disturbed

  constructor(filters: RoomFilters, now: Disturbed) {
    this.filters = filters
    this.#disturbed = now
  }

  /** Whether it changed after these positions by more than rooms that moved to its top: then any index may have another room now. */
  isDisturbedAfter({ events, accountData }: Disturbed): boolean {
    return this.#disturbed.events > events || this.#disturbed.accountData > accountData
  }

  disturb(now: Disturbed): void {
    this.#disturbed = now
  }

  /** `since`: the position of events up to which the list had been brought before. */
  put(room: RoomNumber, position: number, { since, now }: { readonly since: number; readonly now: Disturbed }): void {
    if (this.order.position(room) === position) return
    this.order.put(room, position)
    if (position <= since) this.disturb(now)
  }

  remove(room: RoomNumber, now: Disturbed): void {
    if (this.order.remove(room)) this.disturb(now)
  }
}
