import { BoundedCache, type CacheStats, textBytes } from '#base'
import { parseUserId, type ServerName, type UserId } from '#spec'
import type {
  AliasesReader,
  DeviceListsReader,
  MembersReader,
  RoomNumber,
  RoomRecordsReader,
  ServerMembersReader,
  ServerStay,
  StoredEvent,
  UserNumber,
} from '#store'
import type { ServedAppservice } from './served.ts'

export interface InterestParts {
  readonly own: ServerName
  readonly rooms: Pick<RoomRecordsReader, 'room'> &
    Pick<AliasesReader, 'aliasesOf'> &
    Pick<ServerMembersReader, 'staysOfServer'> &
    Pick<MembersReader, 'roomsOfUser'>
  readonly users: Pick<DeviceListsReader, 'userIds'>
  services(): readonly ServedAppservice[]
}

/** A stretch of the stream of events: behind `from`, up to `until`. */
interface Stay {
  readonly from: number
  readonly until: number
}

/** The services that a room concerns, and when; most rooms concern none. */
type RoomInterest = ReadonlyMap<string, readonly Stay[]>

const NONE: RoomInterest = new Map()
const ALWAYS: readonly Stay[] = [{ from: 0, until: Number.POSITIVE_INFINITY }]
const ROOMS_BYTES = 8 * 1024 * 1024
const USERS_BYTES = 2 * 1024 * 1024
/** Rooms of a user in which a service is looked for. */
const MOST_ROOMS = 1_000
const STAYS_AT_ONCE = 1_000
/** Stays of one service's users in one room that are told apart; of more, one stretch is made. */
const MAX_STAYS = 50

/**
 * Which events concern which services (application service API, "Registration"). A room is asked about once, and again when a member event names a user of a
 * service: an event in a room that concerns none costs a look into memory.
 */
export class Interest {
  readonly #parts: InterestParts
  readonly #rooms = new BoundedCache<RoomNumber, RoomInterest>({
    name: 'appservice-rooms',
    limitBytes: ROOMS_BYTES,
    sizeBytes: (interest) => 40 + [...interest].reduce((sum, [, stays]) => sum + 120 + stays.length * 60, 0),
  })
  /** Ids of users of services; `nobody` for other users. */
  readonly #users = new BoundedCache<UserNumber, UserId | 'nobody'>({
    name: 'appservice-users',
    limitBytes: USERS_BYTES,
    sizeBytes: (userId) => textBytes(userId),
  })

  constructor(parts: InterestParts) {
    this.#parts = parts
  }

  get caches(): readonly { stats(): CacheStats }[] {
    return [this.#rooms, this.#users]
  }

  /** To be called when services changed, or news were lost. */
  forgetAll(): void {
    this.#rooms.clear()
    this.#users.clear()
  }

  forgetRoom(room: RoomNumber): void {
    this.#rooms.delete(room)
  }

  /** Returns those of these users who are users of services. */
  async usersOfServices(users: readonly UserNumber[]): Promise<ReadonlyMap<UserNumber, UserId>> {
    const found = new Map<UserNumber, UserId>()
    for (const user of users) {
      const userId = this.#users.get(user) ?? (await this.#learn(user))
      if (userId !== 'nobody') found.set(user, userId)
    }
    return found
  }

  async #learn(user: UserNumber): Promise<UserId | 'nobody'> {
    const [userId] = await this.#parts.users.userIds([user])
    const isOne = userId !== undefined && this.#parts.services().some((service) => service.hasUser(userId))
    const known = isOne ? userId : 'nobody'
    this.#users.set(user, known)
    return known
  }

  /** The services that the room concerns or ever concerned. */
  async servicesIn(room: RoomNumber): Promise<readonly string[]> {
    return [...(await this.#of(room)).keys()]
  }

  /** Whether the room concerns the service now. */
  async isRoomOf(service: ServedAppservice, room: RoomNumber): Promise<boolean> {
    return (await this.#of(room)).get(service.id)?.some(({ until }) => until === Number.POSITIVE_INFINITY) === true
  }

  /** Whether the user is in a room that concerns the service now. */
  async sharesRoom(service: ServedAppservice, userId: UserId): Promise<boolean> {
    const memberships = (await this.#parts.rooms.roomsOfUser(userId)).filter(({ membership }) => membership === 'join')
    for (const { room } of memberships.slice(0, MOST_ROOMS)) if (await this.isRoomOf(service, room)) return true
    return false
  }

  /** Whether the service is to be told of the event. */
  async isEventOf(service: ServedAppservice, event: StoredEvent): Promise<boolean> {
    if (service.hasUser(event.sender)) return true
    if (event.type === 'm.room.member') {
      const target = parseUserId(event.stateKey ?? '')
      if (target !== undefined && service.hasUser(target)) return true
    }
    const stays = (await this.#of(event.room)).get(service.id) ?? []
    return stays.some(({ from, until }) => event.position > from && event.position <= until)
  }

  async #of(room: RoomNumber): Promise<RoomInterest> {
    const known = this.#rooms.get(room)
    if (known !== undefined) return known
    const read = await this.#read(room)
    this.#rooms.set(room, read)
    return read
  }

  async #read(room: RoomNumber): Promise<RoomInterest> {
    const services = this.#parts.services().filter(({ registration }) => registration.url !== undefined)
    const { rooms } = this.#parts
    const roomId = services.length === 0 ? undefined : (await rooms.room(room))?.roomId
    if (roomId === undefined) return NONE
    const aliases = await rooms.aliasesOf(room)
    const found = new Map<string, readonly Stay[]>()
    const byMembers: ServedAppservice[] = []
    for (const service of services)
      if (service.hasRoom(roomId) || aliases.some((alias) => service.hasAlias(alias))) found.set(service.id, ALWAYS)
      else byMembers.push(service)
    for (const [id, stays] of await this.#stays(room, byMembers)) found.set(id, merged(stays))
    return found.size === 0 ? NONE : found
  }

  /** When users of these services were joined. A service whose users were invited alone has an empty list. */
  async #stays(room: RoomNumber, services: readonly ServedAppservice[]): Promise<ReadonlyMap<string, readonly Stay[]>> {
    const { rooms, own } = this.#parts
    const stays = new Map<string, Stay[]>()
    let after: ServerStay | undefined
    for (let size = STAYS_AT_ONCE; size === STAYS_AT_ONCE && services.length > 0; ) {
      const page = await rooms.staysOfServer(room, own, after, STAYS_AT_ONCE)
      for (const stay of page)
        for (const service of services) if (service.hasUser(stay.userId)) addStay(stays, service.id, stay)
      after = page.at(-1)
      size = page.length
    }
    return stays
  }
}

const addStay = (stays: Map<string, Stay[]>, id: string, { membership, from, until }: ServerStay): void => {
  const known = stays.get(id) ?? []
  stays.set(id, known)
  if (membership === 'join') known.push({ from, until: until ?? Number.POSITIVE_INFINITY })
  // Merged as they come, so that a room with very many of them holds few.
  if (known.length > MAX_STAYS) stays.set(id, merged(known))
}

/** The same stretches, those that touch made one. */
const merged = (stays: readonly Stay[]): Stay[] => {
  const result: Stay[] = []
  for (const stay of stays.toSorted((one, other) => one.from - other.from)) {
    const last = result.at(-1)
    if (last === undefined || stay.from > last.until) result.push(stay)
    else result[result.length - 1] = { from: last.from, until: Math.max(last.until, stay.until) }
  }
  if (result.length <= MAX_STAYS / 2) return result
  // So many comings and goings: the oldest are given up, as their events were delivered long ago.
  return result.slice(-MAX_STAYS / 2)
}
