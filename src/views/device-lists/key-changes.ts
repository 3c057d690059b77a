import { MatrixError } from '#spec'
import { type Positions, parseSyncToken, positionsInPos, type Streams } from '#streams'
import type { EventsViewer } from '../events/event-texts.ts'
import type { UserRooms } from '../known/user-rooms.ts'
import type { DeviceListChanges, DeviceLists } from './device-lists.ts'

export interface KeyChangesParts {
  readonly streams: Streams
  readonly userRooms: Pick<UserRooms, 'of'>
  readonly lists: Pick<DeviceLists, 'between'>
}

/** `GET /keys/changes`: the `device_lists` that syncs between two tokens would have had together. */
export class KeyChanges {
  readonly #parts: KeyChangesParts

  constructor(parts: KeyChangesParts) {
    this.#parts = parts
  }

  /** Throws `M_INVALID_PARAM` for what is no token of `/sync` or sliding sync, or one of another server. */
  async between(viewer: EventsViewer, from: string, to: string): Promise<DeviceListChanges> {
    const [since, now] = [await this.#positions(from, 'from'), await this.#positions(to, 'to')]
    const rooms = await this.#parts.userRooms.of(viewer)
    return this.#parts.lists.between({ viewer, rooms, since, now, events: undefined })
  }

  async #positions(text: string, name: string): Promise<Positions> {
    const { streams } = this.#parts
    const now = streams.positions()
    // MSC4543: a position of sliding sync counts as well.
    const token = parseSyncToken(text, now) ?? positionsInPos(text, now)
    const positions = token === undefined ? undefined : await streams.resume(token)
    if (positions === undefined) throw new MatrixError('M_INVALID_PARAM', `${name} is not a token of this server`)
    return positions
  }
}
