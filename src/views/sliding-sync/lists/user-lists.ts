import type { UserId } from '#spec'
import type { RoomByActivity, RoomNumber, StoredEvent } from '#store'
import { type InvitesShown, isInviteShown } from '../../known/invites-shown.ts'
import type { RoomFilters } from '../request.ts'
import { type AttributesReaders, isFilteredBy, RoomAttributes } from './room-attributes.ts'
import { type Disturbed, RoomList } from './room-list.ts'

/** The changes since the lists were brought before. */
export interface ListChanges {
  /** In the order of the stream. */
  readonly events: readonly StoredEvent[]
  /** Rooms in which the user's membership is another now, as it is; undefined: none any more. */
  readonly memberships: ReadonlyMap<RoomNumber, RoomByActivity | undefined>
  /** Whether the user's account data changed. */
  readonly accountData: boolean
  readonly now: Disturbed
}

export interface UserListsParts {
  readonly user: { readonly userId: UserId; readonly user: number }
  readonly readers: AttributesReaders
  readonly invites: InvitesShown
  /** Of the user, as of `now`. */
  readonly rooms: readonly RoomByActivity[]
  readonly now: Disturbed
}

/** A room whose `is_dm` changed, and the position of the account data by which it was known. */
interface DirectChange {
  readonly roomId: string
  readonly at: number
}

const ROOM_BYTES = 420
const LISTED_BYTES = 40
/** Differently filtered lists of one user that are kept. */
const MAX_LISTS = 12
const MAX_DIRECT_CHANGES = 500

/**
 * The lists of one user: all rooms by activity, and the same under each filter that the user's clients ask for. Brought forward by what changed, so a request costs as
 * much as there is news.
 */
export class UserLists {
  readonly #userId: UserId
  readonly #user: number
  readonly #attributes: RoomAttributes
  readonly #rooms = new Map<RoomNumber, RoomByActivity>()
  readonly #byId = new Map<string, RoomNumber>()
  readonly #lists = new Map<string, RoomList>()
  /** All rooms that may be told. */
  readonly all: RoomList
  readonly #invites: InvitesShown
  /** Rooms with an invite that is not shown. */
  readonly #hidden = new Set<RoomNumber>()
  #directChanges: DirectChange[] = []
  /** Changes of `is_dm` are known from here on. */
  #directsFrom: number
  /** The position of events that the lists are as of. */
  upTo: number

  private constructor({ user, readers, invites, now }: Omit<UserListsParts, 'rooms'>) {
    this.#userId = user.userId
    this.#user = user.user
    this.#attributes = new RoomAttributes(readers)
    this.#invites = invites
    this.all = new RoomList({}, now)
    this.#directsFrom = now.accountData
    this.upTo = now.events
  }

  static async of({ rooms, ...parts }: UserListsParts): Promise<UserLists> {
    const lists = new UserLists(parts)
    for (const room of rooms) lists.#remember(room)
    await lists.#judgeInvites(rooms)
    const listed = rooms.filter((room) => lists.#isListed(room))
    lists.all.order.fill(listed.map((room) => [room.room, placeOf(room)]))
    return lists
  }

  /** Bytes in memory. */
  get sizeBytes(): number {
    let listed = 0
    for (const { order } of this.#lists.values()) listed += order.size
    return this.#rooms.size * ROOM_BYTES + listed * LISTED_BYTES + this.#attributes.sizeBytes
  }

  /** A room of the user that may be shown, whether it is in a list or not. */
  room(room: RoomNumber): RoomByActivity | undefined {
    return this.#rooms.get(room)
  }

  roomById(roomId: string): RoomByActivity | undefined {
    const room = this.#byId.get(roomId)
    return room === undefined ? undefined : this.#rooms.get(room)
  }

  /** Whether the user may be told of the room, whatever the filters. */
  isListed(room: RoomNumber): boolean {
    return this.all.order.has(room)
  }

  /** The position of the newest event of a room that the user is in, else that of their membership. */
  position(number: RoomNumber): number {
    const room = this.#rooms.get(number)
    return room === undefined ? 0 : placeOf(room)
  }

  /** Whether the questions about direct chats can be asked. */
  get knowsDirects(): boolean {
    return this.#attributes.knowsDirects
  }

  /** To be called before these are asked. */
  async learnDirects(): Promise<void> {
    await this.#attributes.directs(this.#user)
  }

  isDirect(roomId: string): boolean {
    return this.#attributes.isDirect(roomId)
  }

  /** Rooms whose `is_dm` may have changed after that position of the account data; undefined: any, as what it was then is not known any more. */
  directsChangedAfter(position: number): Iterable<string> | undefined {
    if (position < this.#directsFrom) return this.#attributes.directsAt > position ? undefined : []
    return this.#directChanges.filter(({ at }) => at > position).map(({ roomId }) => roomId)
  }

  mayDirectHaveChanged(roomId: string, after: number): boolean {
    if (after < this.#directsFrom) return this.#attributes.directsAt > after
    return this.#directChanges.some((change) => change.at > after && change.roomId === roomId)
  }

  /** The list under these filters. `pause` lets the event loop serve others. */
  async list(filters: RoomFilters, now: Disturbed, pause: () => Promise<void>): Promise<RoomList> {
    const key = keyOf(filters)
    if (key === '{}') return this.all
    const known = this.#lists.get(key)
    if (known !== undefined) {
      // Put in again: the one that was not asked for the longest goes first.
      this.#lists.delete(key)
      this.#lists.set(key, known)
      return known
    }
    await this.#attributes.learn(filters, this.#of(), pause)
    const made = new RoomList(filters, now)
    const rooms = [...this.#rooms.values()].filter((room) => this.#passes(room, filters))
    made.order.fill(rooms.map((room) => [room.room, placeOf(room)]))
    for (const oldest of this.#lists.keys()) {
      if (this.#lists.size < MAX_LISTS) break
      this.#lists.delete(oldest)
    }
    this.#lists.set(key, made)
    return made
  }

  /** The list under these filters, if it is kept. */
  kept(filters: RoomFilters): RoomList | undefined {
    const key = keyOf(filters)
    return key === '{}' ? this.all : this.#lists.get(key)
  }

  /** Brings the lists forward where nothing but messages came. False, and nothing is changed, where there is more. */
  bringMessages(events: readonly StoredEvent[], now: Disturbed): boolean {
    if (events.some(({ room, stateKey }) => stateKey !== undefined && this.#rooms.has(room))) return false
    const since = this.upTo
    this.upTo = Math.max(since, now.events)
    const moment = { since, now: { accountData: now.accountData, events: this.upTo } }
    for (const { room, position } of events) {
      if (this.#rooms.get(room)?.membership !== 'join') continue
      this.#moved(room, position)
      if (this.all.order.has(room)) this.all.put(room, position, moment)
      for (const list of this.#lists.values()) if (list.order.has(room)) list.put(room, position, moment)
    }
    return true
  }

  async bring(changes: ListChanges): Promise<void> {
    const { events, memberships, now } = changes
    const since = this.upTo
    const [moved, judged] = [new Map<RoomNumber, number>(), new Set<RoomNumber>()]
    for (const [room, record] of memberships) {
      this.#forget(room)
      if (record !== undefined) this.#remember(record)
      judged.add(room)
    }
    const spaces = new Set<string>()
    for (const { room, roomId, position, type, stateKey } of events) {
      if (this.#rooms.get(room)?.membership !== 'join') continue
      moved.set(room, position)
      if (stateKey === '' && isFilteredBy(type)) judged.add(room)
      if (type === 'm.space.child') spaces.add(roomId)
    }
    for (const [room, position] of moved) this.#moved(room, position)
    for (const room of judged) await this.#attributesOf(room)
    await this.#judgeInvites([...memberships.values()].filter((room) => room !== undefined))
    for (const room of await this.#changedElsewhere(changes, spaces)) judged.add(room)
    this.upTo = now.events
    for (const room of new Set([...moved.keys(), ...judged])) this.#place(room, since, now)
  }

  /** Rooms that another room or the account data may have put into lists, or taken from them. */
  async #changedElsewhere(
    { accountData, now }: ListChanges,
    spaces: ReadonlySet<string>,
  ): Promise<Iterable<RoomNumber>> {
    const rooms = new Set<RoomNumber>()
    const ids = new Set<string>()
    for (const space of spaces) for (const id of await this.#attributes.refreshSpace(space, this.#of())) ids.add(id)
    if (accountData) {
      const changed = await this.#attributes.refreshAccountData(this.#user)
      for (const id of changed.ids) {
        ids.add(id)
        this.#directChanges.push({ roomId: id, at: now.accountData })
      }
      for (const room of changed.rooms) rooms.add(room)
      this.#shortenDirectChanges()
      // Account data says as well whose invites are shown.
      for (const room of await this.#judgeInvites([...this.#rooms.values()])) rooms.add(room)
    }
    for (const id of ids) {
      const room = this.#byId.get(id)
      if (room !== undefined) rooms.add(room)
    }
    return rooms
  }

  /** Finds out which invites are shown. Returns the rooms for which that changed. */
  async #judgeInvites(rooms: Iterable<RoomByActivity>): Promise<readonly RoomNumber[]> {
    const changed: RoomNumber[] = []
    for (const { room, membership, setBy } of rooms) {
      const wasHidden = this.#hidden.delete(room)
      const isHidden =
        membership === 'invite' && setBy !== undefined && !(await isInviteShown(this.#invites, this.#user, setBy))
      if (isHidden) this.#hidden.add(room)
      if (isHidden !== wasHidden) changed.push(room)
    }
    return changed
  }

  #shortenDirectChanges(): void {
    const over = this.#directChanges.length - MAX_DIRECT_CHANGES
    if (over <= 0) return
    this.#directsFrom = this.#directChanges[over - 1]?.at ?? this.#directsFrom
    this.#directChanges = this.#directChanges.slice(over)
  }

  async #attributesOf(room: RoomNumber): Promise<void> {
    const known = this.#rooms.get(room)
    if (known === undefined) this.#attributes.forget(room)
    else await this.#attributes.refresh(known)
  }

  #place(number: RoomNumber, since: number, now: Disturbed): void {
    const room = this.#rooms.get(number)
    for (const list of [this.all, ...this.#lists.values()]) {
      if (room !== undefined && this.#passes(room, list.filters)) list.put(number, placeOf(room), { since, now })
      else list.remove(number, now)
    }
  }

  #passes(room: RoomByActivity, filters: RoomFilters): boolean {
    return this.#isListed(room) && this.#attributes.passes(room, filters)
  }

  /** Rooms that the user left by themselves are in no list, and neither are those that they were never in and no more invited to. */
  #isListed({ room, membership, setBy, everJoined }: RoomByActivity): boolean {
    switch (membership) {
      case 'join':
      case 'knock':
        return true
      case 'invite':
        return !this.#hidden.has(room)
      case 'leave':
        return everJoined && setBy !== this.#userId
      case 'ban':
        return everJoined
    }
  }

  #remember(room: RoomByActivity): void {
    this.#rooms.set(room.room, room)
    this.#byId.set(room.roomId, room.room)
  }

  #forget(room: RoomNumber): void {
    const known = this.#rooms.get(room)
    if (known === undefined) return
    this.#rooms.delete(room)
    this.#byId.delete(known.roomId)
  }

  #moved(room: RoomNumber, lastPosition: number): void {
    const known = this.#rooms.get(room)
    if (known !== undefined)
      this.#rooms.set(room, { ...known, lastPosition: Math.max(known.lastPosition, lastPosition) })
  }

  #of() {
    return { user: this.#user, userId: this.#userId, rooms: this.#rooms }
  }
}

const keys = new WeakMap<RoomFilters, string>()

/** A request that waits is asked for it again and again. */
const keyOf = (filters: RoomFilters): string => {
  const known = keys.get(filters)
  if (known !== undefined) return known
  const made = JSON.stringify(filters)
  keys.set(filters, made)
  return made
}

const placeOf = ({ membership, position, lastPosition }: RoomByActivity): number =>
  membership === 'join' ? lastPosition : position
