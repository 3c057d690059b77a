import type { Soon } from '#base'
import { type ServerName, serverOf, type UserId } from '#spec'
import type { DeviceListsReader, KeyChangesInWindow } from '#store'
import type { RecentChanges } from '../people/recent-changes.ts'
import type { PeopleWindow, SharedRooms } from '../people/shared-rooms.ts'

export interface DeviceListsParts {
  readonly reader: Pick<DeviceListsReader, 'changes' | 'userIds'>
  readonly shared: SharedRooms
  readonly recent: Pick<RecentChanges, 'mayConcern'>
  readonly serverName: ServerName
}

/** `device_lists` of one answer. Client-server API, "Tracking the device list for a user". */
export interface DeviceListChanges {
  readonly changed: readonly UserId[]
  readonly left: readonly UserId[]
}

const NO_KEYS: KeyChangesInWindow = { around: [], certain: [] }
const NOTHING: DeviceListChanges = { changed: [], left: [] }

/**
 * The users whose devices a client has to ask for again after a window, and those it need not track any more. Exact: `changed` has those who
 * share a joined room with the viewer at the window's end, and either did not at its start, or had a change of keys within; the viewer,
 * for changes of their own; and those whose keys the viewer signed. `left` has those who shared a room at the start, and share none at the
 * end. As only the two ends count, the orders in between do not: which room a change was told in is worked out here, not stored. Users of other servers are in
 * `changed` as well where the viewer left a room with them and came back within: while no room was shared, their servers told this one of nothing.
 */
export class DeviceLists {
  readonly #parts: DeviceListsParts

  constructor(parts: DeviceListsParts) {
    this.#parts = parts
  }

  between(window: PeopleWindow): Soon<DeviceListChanges> {
    return this.#mayConcern(window) || this.#parts.shared.mayHaveMoved(window) ? this.#changes(window) : NOTHING
  }

  /** False where a look at memory tells that no change of keys concerns the viewer. */
  #mayConcern({ viewer, rooms, since, now }: PeopleWindow): boolean {
    return since.deviceLists < now.deviceLists && this.#parts.recent.mayConcern(viewer.user, rooms, since.deviceLists)
  }

  async #changes(window: PeopleWindow): Promise<DeviceListChanges> {
    const { reader, shared, serverName } = this.#parts
    const moves = await shared.moves(window)
    const { around, certain } = await this.#keyChanges(window, moves.rooms.size > 0)
    if (moves.rooms.size === 0 && around.length === 0 && certain.length === 0) return NOTHING
    const people = await shared.people(window, moves, around)
    const changed = new Set([...certain, ...people.sharing, ...people.met])
    const metAgain = await reader.userIds(people.metAgain)
    const ofOthers = metAgain.filter((userId) => serverOf(userId) !== serverName)
    const told = new Set([...(await reader.userIds([...changed])), ...ofOthers])
    return { changed: [...told], left: await reader.userIds(people.left) }
  }

  /** Where nobody moved, only changes that the viewer was told of can matter. */
  async #keyChanges(window: PeopleWindow, moved: boolean): Promise<KeyChangesInWindow> {
    const { viewer, since, now } = window
    const [after, upTo] = [since.deviceLists, now.deviceLists]
    if (after >= upTo || (!moved && !this.#mayConcern(window))) return NO_KEYS
    return this.#parts.reader.changes(viewer.user, { after, upTo })
  }
}
