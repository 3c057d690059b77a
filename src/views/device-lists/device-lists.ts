import type { Soon } from '#base'
import { type ServerName, serverOf, type UserId } from '#spec'
import type {
  DeviceListsReader,
  KeyChangesInWindow,
  MembershipRecord,
  RoomNumber,
  RoomStateReader,
  StoredEvent,
  UserNumber,
} from '#store'
import type { Positions } from '#streams'
import type { EventsViewer } from '../events/event-texts.ts'
import type { RoomFactsCache } from '../known/room-facts.ts'
import type { RoomsOfUser } from '../known/user-rooms.ts'
import type { RecentKeyChanges } from './recent-key-changes.ts'

export interface DeviceListsParts {
  readonly reader: DeviceListsReader
  readonly memberships: Pick<RoomStateReader, 'membershipAt' | 'membershipsBetween'>
  readonly facts: Pick<RoomFactsCache, 'of' | 'now'>
  readonly recent: Pick<RecentKeyChanges, 'mayConcern'>
  readonly serverName: ServerName
}

export interface DeviceListsWindow {
  readonly viewer: EventsViewer
  readonly rooms: RoomsOfUser
  readonly since: Positions
  readonly now: Positions
  /** New events by room; undefined where they are not at hand: any room may have some. */
  readonly events: ReadonlyMap<RoomNumber, readonly StoredEvent[]> | undefined
}

/** `device_lists` of one answer. Client-server API, "Tracking the device list for a user". */
export interface DeviceListChanges {
  readonly changed: readonly UserId[]
  readonly left: readonly UserId[]
}

interface JoinedRooms {
  readonly atStart: readonly RoomNumber[]
  readonly atEnd: readonly RoomNumber[]
  /** Rooms of both that the viewer left in between. */
  readonly rejoined: readonly RoomNumber[]
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

  between(window: DeviceListsWindow): Soon<DeviceListChanges> {
    return this.#mayHaveChanged(window) ? this.#changes(window) : NOTHING
  }

  /** False where a look at memory tells that nobody moved, and that no change of keys concerns the viewer. */
  #mayHaveChanged({ viewer, rooms, since, now, events }: DeviceListsWindow): boolean {
    if (since.deviceLists < now.deviceLists && this.#parts.recent.mayConcern(viewer.user, rooms, since.deviceLists))
      return true
    if (since.events >= now.events) return false
    if (events === undefined) return true
    for (const [room, ofRoom] of events) {
      if (ofRoom.some(({ type }) => type === 'm.room.member')) return true
      const facts = this.#parts.facts.now(room)
      if (facts === undefined || facts.record.lastResolvedPosition > since.events) return true
    }
    return false
  }

  async #changes(window: DeviceListsWindow): Promise<DeviceListChanges> {
    const { reader } = this.#parts
    const { since, now } = window
    const moved = await this.#roomsWithMoves(window)
    const { around, certain } = await this.#keyChanges(window, moved.size > 0)
    if (moved.size === 0 && around.length === 0 && certain.length === 0) return NOTHING
    const ofMoved = await this.#joinedRooms(window, moved)
    const met = await this.#maybeMet(window, ofMoved)
    const metAgain = await reader.userIds(await reader.joinedAt(ofMoved.rejoined, now.events))
    const others = new Set([...met, ...around])
    const common = await reader.roomsInCommon(window.viewer.user, [...others])
    const joined = await this.#joinedRooms(window, common ?? window.rooms.keys())
    const share = new Set(await reader.joinedAt(joined.atEnd, now.events, [...others]))
    const shared = new Set(await reader.joinedAt(joined.atStart, since.events, [...met]))
    const changed = new Set([...certain, ...around.filter((user) => share.has(user))])
    const left: UserNumber[] = []
    for (const user of met) {
      if (share.has(user) && !shared.has(user)) changed.add(user)
      if (shared.has(user) && !share.has(user)) left.push(user)
    }
    const ofOthers = metAgain.filter((userId) => serverOf(userId) !== this.#parts.serverName)
    const told = new Set([...(await reader.userIds([...changed])), ...ofOthers])
    return { changed: [...told], left: await reader.userIds(left) }
  }

  /** Where nobody moved, only changes that the viewer was told of can matter. */
  async #keyChanges({ viewer, rooms, since, now }: DeviceListsWindow, moved: boolean): Promise<KeyChangesInWindow> {
    const { reader, recent } = this.#parts
    const [after, upTo] = [since.deviceLists, now.deviceLists]
    if (after >= upTo || (!moved && !recent.mayConcern(viewer.user, rooms, after))) return NO_KEYS
    return reader.changes(viewer.user, { after, upTo })
  }

  /** Rooms of the viewer in which memberships may have changed. */
  async #roomsWithMoves({ rooms, since, now, events }: DeviceListsWindow): Promise<ReadonlySet<RoomNumber>> {
    if (since.events >= now.events) return new Set()
    if (events === undefined) return new Set(rooms.keys())
    const moved = new Set<RoomNumber>()
    for (const [room, ofRoom] of events) {
      if (ofRoom.some(({ type }) => type === 'm.room.member')) moved.add(room)
      // State resolution changes entries at the position of another event.
      else if (((await this.#parts.facts.of(room))?.record.lastResolvedPosition ?? 0) > since.events) moved.add(room)
    }
    return moved
  }

  async #joinedRooms(
    { viewer, rooms, since, now }: DeviceListsWindow,
    among: Iterable<RoomNumber>,
  ): Promise<JoinedRooms> {
    const [atStart, atEnd, rejoined]: [RoomNumber[], RoomNumber[], RoomNumber[]] = [[], [], []]
    for (const room of among) {
      const record = rooms.get(room)
      if (record === undefined) continue
      const [start, end] = await this.#joinedAt(record, viewer.userId, since.events, now.events)
      if (start) atStart.push(record.room)
      if (end) atEnd.push(record.room)
      if (start && end && (await this.#wasAway(record, viewer.userId, since.events, now.events)))
        rejoined.push(record.room)
    }
    return { atStart, atEnd, rejoined }
  }

  async #wasAway({ room, position }: MembershipRecord, userId: UserId, start: number, end: number): Promise<boolean> {
    if (position <= start) return false
    const steps = await this.#parts.memberships.membershipsBetween(room, userId, start, end)
    return steps.some(({ membership }) => membership !== 'join')
  }

  async #joinedAt(
    { room, membership, position }: MembershipRecord,
    userId: UserId,
    start: number,
    end: number,
  ): Promise<readonly [boolean, boolean]> {
    if (position <= start) return [membership === 'join', membership === 'join']
    const { memberships } = this.#parts
    const wasJoined = async (at: number): Promise<boolean> =>
      (await memberships.membershipAt(room, userId, at))?.membership === 'join'
    return [await wasJoined(start), await wasJoined(end)]
  }

  /** Users who may share a first room with the viewer since the start, or the last one no more; `joined` has the rooms in which memberships may have changed. */
  async #maybeMet(
    { viewer, since, now }: DeviceListsWindow,
    { atStart, atEnd }: JoinedRooms,
  ): Promise<ReadonlySet<UserNumber>> {
    const { reader } = this.#parts
    const [before, after] = [new Set(atStart), new Set(atEnd)]
    const stayed = atEnd.filter((room) => before.has(room))
    const entered = atEnd.filter((room) => !before.has(room))
    const parted = atStart.filter((room) => !after.has(room))
    const met = new Set([
      ...(await reader.memberChanges(stayed, { after: since.events, upTo: now.events })),
      ...(await reader.joinedAt(entered, now.events)),
      ...(await reader.joinedAt(parted, since.events)),
    ])
    met.delete(viewer.user)
    return met
  }
}
