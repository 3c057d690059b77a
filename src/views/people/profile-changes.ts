import type { ProfileFields } from '#rules'
import { type ServerName, serverOf, type UserId } from '#spec'
import type { DeviceListsReader, FieldKeys, FieldsOfUser, ProfileChangesReader, RoomNumber, UserNumber } from '#store'
import type { Positions, ToldPositions } from '#streams'
import type { EventsViewer } from '../events/event-texts.ts'
import type { EventsByRoom } from '../known/stream-news.ts'
import type { RoomsOfUser } from '../known/user-rooms.ts'
import type { IgnoredLists } from '../unread/ignored-list.ts'
import type { RecentChanges } from './recent-changes.ts'
import type { SharedRooms } from './shared-rooms.ts'

export interface ProfileChangesParts {
  readonly reader: ProfileChangesReader
  readonly people: Pick<DeviceListsReader, 'joinedAt' | 'userIds'>
  readonly shared: SharedRooms
  readonly recent: Pick<RecentChanges, 'mayConcern'>
  readonly ignored: IgnoredLists
  readonly serverName: ServerName
}

export interface ProfilesWindow {
  readonly viewer: EventsViewer
  readonly rooms: RoomsOfUser
  /** undefined: the client knows of nobody. */
  readonly since: ToldPositions | undefined
  readonly now: Positions
  /** The same as in `PeopleWindow`. */
  readonly events: EventsByRoom | undefined
  readonly ignored: ReadonlySet<UserId>
  readonly fields: ProfileFields
}

/** News of one profile. `fields` undefined: the client has no business with the user any more, and is to forget all that it knows of the profile. */
export interface ProfileNews {
  readonly userId: UserId
  /** JSON texts by field; undefined for a field that is no more. */
  readonly fields: ReadonlyMap<string, string | undefined> | undefined
}

/** Profiles are read for so many users at a time. */
const USERS_AT_ONCE = 100
/** The members of a user's rooms are read as a whole up to this number; beyond it those are looked through who have the fields. */
const FEW_MEMBERS = 5_000
/** A position below all of them: what was set before there were positions counts too. */
const EVER = -1

/**
 * Profiles as a client is to know them: the fields that it asked for, of users of this server who share a joined room with it, and its own. Like changes of devices, a change is stored once,
 * and whom it concerns is worked out on reading, from the two ends of a window: whoever shares no room at its end is told of no change within. Ignored users count as users who are not there.
 */
export class ProfileChanges {
  readonly #parts: ProfileChangesParts

  constructor(parts: ProfileChangesParts) {
    this.#parts = parts
  }

  /** False where a look at memory tells that there is nothing to tell. */
  mayHaveNews(window: ProfilesWindow): boolean {
    const { since, now, viewer, rooms } = window
    if (since === undefined || since.profileFields !== window.fields.mark) return true
    if (since.accountData < now.accountData && this.#hasOtherIgnored(window)) return true
    if (since.profiles < now.profiles && this.#parts.recent.mayConcern(viewer.user, rooms, since.profiles)) return true
    return this.#parts.shared.mayHaveMoved({ ...window, since })
  }

  /** Whether the client's fields begin anew: what it asks for is not what it asked for before, or it ignores others. */
  async beginsAnew({ since, fields, now, viewer }: ProfilesWindow): Promise<boolean> {
    if (since === undefined || since.profileFields !== fields.mark) return true
    if (since.accountData >= now.accountData) return false
    const { position } = await this.#parts.ignored.listOf(viewer.user)
    return position > since.accountData && position <= now.accountData
  }

  /** False also where it is not at hand whom the user ignores. */
  #hasOtherIgnored({ viewer, since }: ProfilesWindow): boolean {
    const list = this.#parts.ignored.listNow(viewer.user)
    return list === undefined || list.position > (since?.accountData ?? 0)
  }

  /** Everything to tell in the window. Each user is told of once. */
  async *news(window: ProfilesWindow): AsyncGenerator<readonly ProfileNews[], void, undefined> {
    if (!(await this.beginsAnew(window))) {
      yield* this.later(window)
      return
    }
    yield await this.gone(window)
    const isKnown = window.since !== undefined
    for await (const users of this.#everybody(window)) yield await this.whole(window, users, isKnown)
  }

  /** The news for a client that goes on from `since`. */
  async *later(window: ProfilesWindow): AsyncGenerator<readonly ProfileNews[], void, undefined> {
    const { met, left, changed } = await this.#people(window, true)
    yield left
    for (const users of inParts(met)) yield await this.whole(window, users, false)
    const isMet = new Set(met)
    for (const users of inParts(changed.filter((user) => !isMet.has(user)))) yield await this.#changed(window, users)
  }

  /** The users of whom a client that begins anew is to forget what it was told: ignored users, and those with whom no room is shared any more. */
  async gone(window: ProfilesWindow): Promise<readonly ProfileNews[]> {
    if (window.since === undefined) return []
    const { left } = await this.#people(window, false)
    const told = new Set(left.map(({ userId }) => userId))
    for (const userId of window.ignored) if (this.#isOther(window, userId)) told.add(userId)
    return [...told].map((userId) => ({ userId, fields: undefined }))
  }

  /** Users joined to these rooms at the window's end, in parts, and the viewer. */
  async *membersOf(
    window: ProfilesWindow,
    rooms: readonly RoomNumber[],
  ): AsyncGenerator<readonly UserNumber[], void, undefined> {
    const { viewer, now } = window
    yield [viewer.user]
    const members = await this.#parts.people.joinedAt(rooms, now.events)
    yield* inParts(members.filter((user) => user !== viewer.user))
  }

  /** All fields of these users. `isKnown`: what they removed is told too, as the client may have it. */
  async whole(window: ProfilesWindow, users: readonly UserNumber[], isKnown: boolean): Promise<readonly ProfileNews[]> {
    const { now, fields } = window
    const found = await this.#parts.reader.fieldsOf(users, { after: EVER, upTo: now.profiles }, fields.keys)
    const news: ProfileNews[] = []
    for (const one of found) {
      if (!this.#isTold(window, one.userId)) continue
      const all = withOthers(one, fields.keys)
      const told = isKnown ? all : new Map([...all].filter(([, value]) => value !== undefined))
      if (told.size > 0) news.push({ userId: one.userId, fields: told })
    }
    return news
  }

  /** The fields of these users that changed in the window, and were asked for. */
  async #changed(window: ProfilesWindow, users: readonly UserNumber[]): Promise<readonly ProfileNews[]> {
    const { now, since, fields } = window
    const between = { after: since?.profiles ?? EVER, upTo: now.profiles }
    const found = await this.#parts.reader.fieldsOf(users, between, fields.keys)
    const emptied = new Set(found.filter(({ removedOthers }) => removedOthers).map(({ user }) => user))
    const again = emptied.size === 0 ? [] : await this.whole(window, [...emptied], true)
    const rest = found.filter(
      ({ user, userId, fields: told }) => !emptied.has(user) && told.size > 0 && this.#isTold(window, userId),
    )
    return [...again, ...rest]
  }

  /** The people of a window in which the client goes on: whom it met, whom it is to forget, and whose fields changed, the viewer's own too. */
  async #people(window: ProfilesWindow, withChanges: boolean): Promise<ChangedPeople> {
    const { since, now, viewer, rooms, events } = window
    const { shared, people, recent, reader } = this.#parts
    if (since === undefined) return NOBODY
    const ends = { viewer, rooms, since, now, events }
    const moves = await shared.moves(ends)
    const hasChanges = withChanges && since.profiles < now.profiles
    const between = { after: since.profiles, upTo: now.profiles }
    const around =
      hasChanges && (moves.rooms.size > 0 || recent.mayConcern(viewer.user, rooms, since.profiles))
        ? await reader.changedAround(viewer.user, between, window.fields.keys)
        : []
    if (moves.rooms.size === 0 && around.length === 0) return NOBODY
    const others = around.filter((user) => user !== viewer.user)
    const { met, left, sharing } = await shared.people(ends, moves, others)
    const gone = (await people.userIds(left)).filter((userId) => this.#isOther(window, userId))
    const own = others.length < around.length ? [viewer.user] : []
    return {
      met,
      left: gone.map((userId) => ({ userId, fields: undefined })),
      changed: [...own, ...sharing],
    }
  }

  /** Everybody who shares a joined room with the viewer, in parts, and the viewer. */
  async *#everybody(window: ProfilesWindow): AsyncGenerator<readonly UserNumber[], void, undefined> {
    const { viewer, rooms, now, fields } = window
    const { reader, people, shared } = this.#parts
    const joined = (await shared.joinedRooms({ ...window, since: now }, rooms.keys())).atEnd
    if (fields.keys === undefined || !(await reader.hasMoreMembers(viewer.user, FEW_MEMBERS))) {
      yield* this.membersOf(window, joined)
      return
    }
    yield [viewer.user]
    let last = 0
    for (;;) {
      const page = await reader.withFields(viewer.user, fields.keys, last, USERS_AT_ONCE)
      // Whoever shares a room now need not have done so at the end of the window.
      const sharing = page.length === 0 ? [] : await people.joinedAt(joined, now.events, page)
      yield sharing.filter((user) => user !== viewer.user)
      if (page.length < USERS_AT_ONCE) return
      last = page.at(-1) ?? last
    }
  }

  #isTold(window: ProfilesWindow, userId: UserId): boolean {
    const { viewer, ignored } = window
    return userId === viewer.userId || (this.#isOther(window, userId) && !ignored.has(userId))
  }

  /** Profiles of users of other servers are not known here. */
  #isOther({ viewer }: ProfilesWindow, userId: UserId): boolean {
    return userId !== viewer.userId && serverOf(userId) === this.#parts.serverName
  }
}

interface ChangedPeople {
  readonly met: readonly UserNumber[]
  readonly left: readonly ProfileNews[]
  readonly changed: readonly UserNumber[]
}

const NOBODY: ChangedPeople = { met: [], left: [], changed: [] }

/** The fields that a user has, and those that are no more: where not all removed ones have names, every field that was asked for. */
const withOthers = (
  { fields, removedOthers }: FieldsOfUser,
  keys: FieldKeys,
): ReadonlyMap<string, string | undefined> =>
  removedOthers && keys !== undefined ? new Map([...keys.map((key) => [key, undefined] as const), ...fields]) : fields

function* inParts<Item>(all: readonly Item[]): Generator<readonly Item[], void, undefined> {
  for (let from = 0; from < all.length; from += USERS_AT_ONCE) yield all.slice(from, from + USERS_AT_ONCE)
}
