import type { UserId } from '#spec'
import type { DeviceListsReader, MembershipRecord, RoomNumber, RoomStateReader, UserNumber } from '#store'
import type { Positions } from '#streams'
import type { EventsViewer } from '../events/event-texts.ts'
import type { RoomFactsCache } from '../known/room-facts.ts'
import type { EventsByRoom } from '../known/stream-news.ts'
import { completedRooms, type RoomsOfUser } from '../known/user-rooms.ts'

export interface SharedRoomsParts {
  readonly reader: Pick<DeviceListsReader, 'roomsInCommon' | 'surelySharing' | 'joinedAt' | 'memberChanges'>
  readonly memberships: Pick<RoomStateReader, 'membershipAt' | 'membershipsBetween'>
  readonly facts: Pick<RoomFactsCache, 'of' | 'now'>
}

export interface PeopleWindow {
  readonly viewer: EventsViewer
  readonly rooms: RoomsOfUser
  readonly since: Positions
  readonly now: Positions
  /** New events by room; undefined where they are not at hand: any room may have some. */
  readonly events: EventsByRoom | undefined
}

/** The people of a window, by whether they share a joined room with the viewer at its two ends. */
export interface People {
  /** The users asked about who share one at the end. */
  readonly sharing: readonly UserNumber[]
  /** Users who share one at the end, and did not at the start. */
  readonly met: readonly UserNumber[]
  /** Users who shared one at the start, and share none at the end. */
  readonly left: readonly UserNumber[]
  /** Users who are in a room that the viewer left and entered again in between. */
  readonly metAgain: readonly UserNumber[]
}

export interface JoinedRooms {
  readonly atStart: readonly RoomNumber[]
  readonly atEnd: readonly RoomNumber[]
  /** Rooms of both that the viewer left in between. */
  readonly rejoined: readonly RoomNumber[]
}

/** The users who came and went in a window, as all that is told of people asks. */
export interface Moves {
  /** Rooms of the viewer in which memberships may have changed. */
  readonly rooms: ReadonlySet<RoomNumber>
  /** Users who may share a first room with the viewer since the start, or the last one no more. */
  readonly maybeMet: ReadonlySet<UserNumber>
  /** The users among them who share a room at the start. */
  readonly sharedAtStart: ReadonlySet<UserNumber>
  /** The users among them who share a room at the end. */
  readonly sharedAtEnd: ReadonlySet<UserNumber>
  /** As in `People`. */
  readonly metAgain: readonly UserNumber[]
}

const NOBODY: ReadonlySet<UserNumber> = new Set()
const NO_MOVES: Moves = {
  ...{ rooms: new Set(), maybeMet: NOBODY, sharedAtStart: NOBODY, sharedAtEnd: NOBODY, metAgain: [] },
}

/**
 * The people with whom a viewer shares joined rooms, and how they changed in a window. As only the two ends of a window count, the orders in between do not: in which
 * room somebody hears of a change is worked out here, not stored.
 */
export class SharedRooms {
  readonly #parts: SharedRoomsParts
  /** The last question of each window, which its events stand for: they are gone when the answer is made. */
  readonly #asked = new WeakMap<EventsByRoom, { readonly window: PeopleWindow; readonly moves: Promise<Moves> }>()

  constructor(parts: SharedRoomsParts) {
    this.#parts = parts
  }

  /** False where a look at memory tells that nobody came or went. */
  mayHaveMoved({ since, now, events, rooms }: Pick<PeopleWindow, 'since' | 'now' | 'events' | 'rooms'>): boolean {
    if (since.events >= now.events) return false
    if (events === undefined || completedRooms(rooms, since.events, now.events).length > 0) return true
    for (const [room, ofRoom] of events) {
      if (ofRoom.some(({ type }) => type === 'm.room.member')) return true
      const facts = this.#parts.facts.now(room)
      if (facts === undefined || facts.record.lastResolvedPosition > since.events) return true
    }
    return false
  }

  /** Asked for once a window, also by a client that is told of profiles as well as of devices. */
  moves(window: PeopleWindow): Promise<Moves> {
    const { rooms, since, now, events } = window
    if (since.events >= now.events) return Promise.resolve(NO_MOVES)
    const asked = events === undefined ? undefined : this.#asked.get(events)
    const isSame = asked?.window.rooms === rooms && asked.window.since.events === since.events
    if (isSame && asked.window.now.events === now.events) return asked.moves
    const moves = this.#moves(window)
    if (events !== undefined) this.#asked.set(events, { window, moves })
    return moves
  }

  async #moves(window: PeopleWindow): Promise<Moves> {
    const rooms = await this.#roomsWithMoves(window)
    if (rooms.size === 0) return NO_MOVES
    const { reader } = this.#parts
    const { since, now } = window
    const joined = await this.joinedRooms(window, rooms)
    const metAgain = await reader.joinedAt(joined.rejoined, now.events)
    const maybeMet = await this.#maybeMet(window, joined)
    if (maybeMet.size === 0) return { ...NO_MOVES, rooms, metAgain }
    const asked = [...maybeMet]
    const { atStart, atEnd } = await this.#commonRooms(window, asked)
    const sharedAtStart = new Set(await reader.joinedAt(atStart, since.events, asked))
    const sharedAtEnd = new Set(await reader.joinedAt(atEnd, now.events, asked))
    return { rooms, maybeMet, sharedAtStart, sharedAtEnd, metAgain }
  }

  /** `others`: users to ask about. */
  async people(window: PeopleWindow, moves: Moves, others: readonly UserNumber[]): Promise<People> {
    const { maybeMet, sharedAtStart, sharedAtEnd, metAgain } = moves
    const sharing = await this.#sharing(
      window,
      others.filter((user) => !maybeMet.has(user)),
    )
    return {
      sharing: others.filter((user) => sharing.has(user) || sharedAtEnd.has(user)),
      met: [...sharedAtEnd].filter((user) => !sharedAtStart.has(user)),
      left: [...sharedAtStart].filter((user) => !sharedAtEnd.has(user)),
      metAgain,
    }
  }

  /** The ones of the users who share a room at the end. */
  async #sharing(window: PeopleWindow, users: readonly UserNumber[]): Promise<ReadonlySet<UserNumber>> {
    if (users.length === 0) return NOBODY
    const { reader } = this.#parts
    const { viewer, now } = window
    // Nearly always all of them, however many rooms are shared: the rest is looked at room by room.
    const surely = await reader.surelySharing(viewer.user, users, now.events)
    const known = new Set(surely)
    const rest = users.filter((user) => !known.has(user))
    if (rest.length === 0) return known
    const { atEnd } = await this.#commonRooms(window, rest)
    return new Set([...surely, ...(await reader.joinedAt(atEnd, now.events, rest))])
  }

  /** The viewer's rooms in which any of the users may be. */
  async #commonRooms(window: PeopleWindow, users: readonly UserNumber[]): Promise<JoinedRooms> {
    const common = await this.#parts.reader.roomsInCommon(window.viewer.user, users)
    return this.joinedRooms(window, common ?? window.rooms.keys())
  }

  async #roomsWithMoves({ rooms, since, now, events }: PeopleWindow): Promise<ReadonlySet<RoomNumber>> {
    if (events === undefined) return new Set(rooms.keys())
    const moved = new Set<RoomNumber>(completedRooms(rooms, since.events, now.events))
    for (const [room, ofRoom] of events) {
      if (ofRoom.some(({ type }) => type === 'm.room.member')) moved.add(room)
      // State resolution changes entries at the position of another event.
      else if (((await this.#parts.facts.of(room))?.record.lastResolvedPosition ?? 0) > since.events) moved.add(room)
    }
    return moved
  }

  async joinedRooms({ viewer, rooms, since, now }: PeopleWindow, among: Iterable<RoomNumber>): Promise<JoinedRooms> {
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

  /** `joined` has the rooms in which memberships may have changed. */
  async #maybeMet(
    { viewer, since, now }: PeopleWindow,
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
