import { type JsonObject, objectAt, type Pdu, stringAt, type UserId } from '#spec'
import type { AccountDataReader, RoomByActivity, RoomNumber, RoomsReader } from '#store'
import type { RoomFilters } from '../request.ts'

export interface AttributesReaders {
  readonly rooms: Pick<RoomsReader, 'entriesOfRooms' | 'stateEvent' | 'state'>
  readonly accountData: Pick<AccountDataReader, 'global' | 'ofTypeInRooms'>
}

interface OfUser {
  readonly user: number
  readonly userId: UserId
  readonly rooms: ReadonlyMap<RoomNumber, RoomByActivity>
}

/** State that lists are filtered by: type and what is kept of its content. */
const STATE = {
  'm.room.encryption': () => '',
  'm.room.create': (content: JsonObject) => stringAt(content, 'type'),
  'm.room.name': (content: JsonObject) => stringAt(content, 'name')?.toLowerCase(),
} as const
type StateType = keyof typeof STATE

const contentOf = (json: string): JsonObject => (JSON.parse(json) as Pdu).content
const read = (type: StateType, json: string): string | undefined => STATE[type](contentOf(json))
/** Events parsed in one slice of the event loop. */
const PARSED_AT_ONCE = 500
const PLAIN_BYTES = 120

/** The attributes of a user's rooms that filters ask about. Each kind is read when the first filter asks for it, and kept current from then on. */
export class RoomAttributes {
  readonly #readers: AttributesReaders
  readonly #state = new Map<StateType, Map<RoomNumber, string>>()
  #directs: ReadonlySet<string> | undefined
  /** The position at which `m.direct` changed last; 0: never. */
  #directsAt = 0
  #tags: ReadonlyMap<RoomNumber, readonly string[]> | undefined
  readonly #spaces = new Map<string, ReadonlySet<string>>()

  constructor(readers: AttributesReaders) {
    this.#readers = readers
  }

  get sizeBytes(): number {
    let entries = (this.#directs?.size ?? 0) + (this.#tags?.size ?? 0)
    for (const kept of [...this.#state.values(), ...this.#spaces.values()]) entries += kept.size
    return entries * PLAIN_BYTES
  }

  /** Reads what these filters ask about and is not known yet. `pause` lets the event loop serve others. */
  async learn(filters: RoomFilters, of: OfUser, pause: () => Promise<void>): Promise<void> {
    for (const type of stateOf(filters))
      if (!this.#state.has(type)) this.#state.set(type, await this.#all(type, of, pause))
    if (filters.isDm !== undefined) await this.directs(of.user)
    if (filters.tags !== undefined || filters.notTags !== undefined) this.#tags ??= await this.#readTags(of.user)
    for (const space of filters.spaces ?? []) {
      if (!this.#spaces.has(space)) this.#spaces.set(space, await this.#children(space, of))
    }
  }

  /** Ids of the rooms in the user's `m.direct`. */
  async directs(user: number): Promise<ReadonlySet<string>> {
    this.#directs ??= await this.#readDirects(user)
    return this.#directs
  }

  get knowsDirects(): boolean {
    return this.#directs !== undefined
  }

  get directsAt(): number {
    return this.#directsAt
  }

  knownDirects(): ReadonlySet<string> {
    return this.#directs ?? new Set()
  }

  isDirect(roomId: string): boolean {
    return this.knownDirects().has(roomId)
  }

  passes(room: RoomByActivity, filters: RoomFilters): boolean {
    const { isDm, isEncrypted, isInvited, roomTypes, notRoomTypes, tags, notTags, spaces, nameLike } = filters
    if (isInvited !== undefined && isInvited !== (room.membership === 'invite')) return false
    if (isDm !== undefined && isDm !== this.isDirect(room.roomId)) return false
    if (isEncrypted !== undefined && isEncrypted !== this.#of('m.room.encryption', room).has) return false
    if (roomTypes !== undefined || notRoomTypes !== undefined) {
      const type = this.#of('m.room.create', room).value ?? null
      if (notRoomTypes?.includes(type) === true || roomTypes?.includes(type) === false) return false
    }
    const ownTags = this.#tags?.get(room.room) ?? []
    if (notTags !== undefined && ownTags.some((tag) => notTags.includes(tag))) return false
    if (tags !== undefined && !ownTags.some((tag) => tags.includes(tag))) return false
    if (spaces !== undefined && !spaces.some((space) => this.#spaces.get(space)?.has(room.roomId))) return false
    return nameLike === undefined || (this.#of('m.room.name', room).value ?? '').includes(nameLike)
  }

  /** Reads the state of one room anew, after an event of these types or another membership of the user. */
  async refresh(room: RoomByActivity): Promise<void> {
    for (const [type, kept] of this.#state) {
      const value = await this.#one(type, room)
      if (value === undefined) kept.delete(room.room)
      else kept.set(room.room, value)
    }
  }

  forget(room: RoomNumber): void {
    for (const kept of this.#state.values()) kept.delete(room)
  }

  /** Reads the user's account data anew. Returns the rooms, by id or number, of which something may be different now. */
  async refreshAccountData(
    user: number,
  ): Promise<{ readonly ids: ReadonlySet<string>; readonly rooms: ReadonlySet<RoomNumber> }> {
    const [directs, tags] = [this.#directs, this.#tags]
    if (directs !== undefined) this.#directs = await this.#readDirects(user)
    if (tags !== undefined) this.#tags = await this.#readTags(user)
    const ids = differing(directs ?? new Set(), this.#directs ?? new Set())
    return { ids, rooms: new Set([...(tags?.keys() ?? []), ...(this.#tags?.keys() ?? [])]) }
  }

  /** Reads the children of a space anew. Returns the ids of the rooms that came or went; none for a room that is no space asked about. */
  async refreshSpace(spaceId: string, of: OfUser): Promise<ReadonlySet<string>> {
    const before = this.#spaces.get(spaceId)
    if (before === undefined) return new Set()
    const now = await this.#children(spaceId, of)
    this.#spaces.set(spaceId, now)
    return differing(before, now)
  }

  #of(type: StateType, { room }: RoomByActivity): { readonly has: boolean; readonly value: string | undefined } {
    const value = this.#state.get(type)?.get(room)
    return { has: value !== undefined, value }
  }

  async #all(type: StateType, { user, rooms }: OfUser, pause: () => Promise<void>): Promise<Map<RoomNumber, string>> {
    const kept = new Map<RoomNumber, string>()
    for (const [index, { room, json }] of (await this.#readers.rooms.entriesOfRooms(user, type)).entries()) {
      if (index % PARSED_AT_ONCE === PARSED_AT_ONCE - 1) await pause()
      const value = rooms.get(room)?.membership === 'join' ? read(type, json) : undefined
      if (value !== undefined) kept.set(room, value)
    }
    for (const room of rooms.values()) {
      const value = room.membership === 'join' ? undefined : await this.#one(type, room)
      if (value !== undefined) kept.set(room.room, value)
    }
    return kept
  }

  /** For those who are not in the room, the state is that of their membership: they learn of nothing later. */
  async #one(type: StateType, { room, membership, position }: RoomByActivity): Promise<string | undefined> {
    const at = membership === 'join' ? 'current' : position
    const event = await this.#readers.rooms.stateEvent(room, at, type, '')
    return event === undefined ? undefined : read(type, event.json)
  }

  async #readDirects(user: number): Promise<ReadonlySet<string>> {
    const entry = await this.#readers.accountData.global(user, 'm.direct')
    this.#directsAt = entry?.position ?? 0
    const byUser = entry === undefined ? {} : (JSON.parse(entry.contentJson) as JsonObject)
    return new Set(
      Object.values(byUser)
        .flatMap((rooms) => (Array.isArray(rooms) ? rooms : []))
        .filter((id) => typeof id === 'string'),
    )
  }

  async #readTags(user: number): Promise<ReadonlyMap<RoomNumber, readonly string[]>> {
    const entries = await this.#readers.accountData.ofTypeInRooms(user, 'm.tag')
    return new Map(entries.map(({ room, contentJson }) => [room, tagsIn(JSON.parse(contentJson) as JsonObject)]))
  }

  /** Rooms directly in a space that the user is joined to. Others count as empty. */
  async #children(spaceId: string, { rooms }: OfUser): Promise<ReadonlySet<string>> {
    for (const { roomId, room, membership } of rooms.values()) {
      if (roomId !== spaceId || membership !== 'join') continue
      const events = await this.#readers.rooms.state(room, { at: 'current', types: ['m.space.child'] })
      return new Set(
        events.filter(({ json }) => Array.isArray(contentOf(json).via)).map(({ stateKey = '' }) => stateKey),
      )
    }
    return new Set()
  }
}

/** State types by which any list may be filtered. */
export const isFilteredBy = (type: string): boolean => Object.hasOwn(STATE, type)

const stateOf = ({ isEncrypted, roomTypes, notRoomTypes, nameLike }: RoomFilters): readonly StateType[] => [
  ...(isEncrypted === undefined ? [] : (['m.room.encryption'] as const)),
  ...(roomTypes === undefined && notRoomTypes === undefined ? [] : (['m.room.create'] as const)),
  ...(nameLike === undefined ? [] : (['m.room.name'] as const)),
]

const tagsIn = (content: JsonObject): readonly string[] => Object.keys(objectAt(content, 'tags') ?? {})

const differing = (before: ReadonlySet<string>, now: ReadonlySet<string>): ReadonlySet<string> =>
  new Set([...[...before].filter((id) => !now.has(id)), ...[...now].filter((id) => !before.has(id))])
