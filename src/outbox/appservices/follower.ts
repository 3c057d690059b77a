import type { Clock, Logger } from '#base'
import type { UserId } from '#spec'
import type { AppservicesOutReader, FederationOutReader, RoomNumber, ServicePositions, UserNumber } from '#store'
import type { News, Streams } from '#streams'
import type { Interest } from './interest.ts'
import type { AppserviceLine } from './line.ts'
import { wantsEphemeral } from './served.ts'
import { Waiting } from './waiting.ts'

export interface FollowerParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly streams: Pick<Streams, 'positions' | 'onNews'>
  readonly interest: Interest
  readonly store: { readonly reader: Pick<AppservicesOutReader, 'usersWithMessages'> }
  readonly rooms: Pick<FederationOutReader, 'roomsBetween'>
  readonly presence: PresenceChanges
  lines(): readonly AppserviceLine[]
}

export interface PresenceChanges {
  /** Users whose presence changed with `after` < position <= `upTo`. */
  changedSince(after: number, upTo: number): readonly { readonly userId: UserId }[]
}

/** News that were heard and not looked at yet. */
class Heard {
  /** Rooms with new events, and the users whom member events name. */
  readonly rooms = new Map<RoomNumber, Set<UserNumber> | 'anybody'>()
  readonly receiptRooms = new Set<RoomNumber>()
  readonly receiptUsers = new Set<UserNumber>()
  readonly typingRooms = new Set<RoomNumber>()
  readonly devicesOf = new Set<UserNumber>()
  presence = false
  deviceLists = false

  /** Whether somebody has to look. */
  get isEmpty(): boolean {
    const { rooms, receiptRooms, receiptUsers, typingRooms, devicesOf } = this
    return (
      !this.presence &&
      !this.deviceLists &&
      [rooms, receiptRooms, receiptUsers, typingRooms, devicesOf].every((set) => set.size === 0)
    )
  }
}

const AGAIN_MS = 1_000

/** Listens to what happens, and finds out which services it concerns. What concerns none costs a look into memory. */
export class Follower {
  readonly #parts: FollowerParts
  #heard = new Heard()
  #handled: ServicePositions
  #presenceSeen: number
  #running: Promise<void> | undefined
  #cancel: (() => void) | undefined
  #endNews: (() => void) | undefined
  #stopped = false

  constructor(parts: FollowerParts) {
    this.#parts = parts
    const { events, receipts, deviceLists, presence } = parts.streams.positions()
    this.#handled = { events, receipts, deviceLists }
    this.#presenceSeen = presence
  }

  /** The positions up to which all lines know what concerns them. */
  get handled(): ServicePositions {
    return this.#handled
  }

  /** Begins to listen; may be called again. */
  start(): void {
    this.#endNews ??= this.#parts.streams.onNews({ news: (news) => this.#hear(news), missed: () => this.#missed() })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#endNews?.()
    this.#cancel?.()
    await this.#running
  }

  /** Finds out what lines missed that begin, since the positions that they had. */
  async catchUp(lines: readonly AppserviceLine[]): Promise<void> {
    const { streams, rooms, store } = this.#parts
    const from = Math.min(...lines.map(({ reached }) => reached))
    const upTo = streams.positions().events
    for (const room of from < upTo ? await rooms.roomsBetween(from, upTo) : []) this.#heard.rooms.set(room, 'anybody')
    if (lines.some(({ service }) => service.registration.encryption)) {
      for (const { user, userId } of await store.reader.usersWithMessages())
        for (const { service, waiting } of lines)
          if (service.registration.encryption && service.owns(userId)) waiting.inboxes.set(user, userId)
      this.#heard.deviceLists = true
    }
    for (const line of lines) line.wake()
    this.#run()
  }

  #hear(news: readonly News[]): void {
    const heard = this.#heard
    for (const { stream, rooms, users } of news) {
      if (stream === 'events') for (const room of rooms) noteRoom(heard, room, users)
      else if (stream === 'receipts') {
        for (const room of rooms) heard.receiptRooms.add(room)
        for (const user of users) heard.receiptUsers.add(user)
      } else if (stream === 'typing') for (const room of rooms) heard.typingRooms.add(room)
      else if (stream === 'toDevice') for (const user of users) heard.devicesOf.add(user)
      else if (stream === 'presence') heard.presence = true
      else if (stream === 'deviceLists') heard.deviceLists = true
    }
    this.#run()
  }

  #missed(): void {
    this.#parts.interest.forgetAll()
    void this.catchUp(this.#parts.lines()).catch(() => this.#later())
  }

  #run(): void {
    if (this.#running !== undefined || this.#cancel !== undefined || this.#stopped) return
    if (this.#heard.isEmpty) return
    const heard = this.#heard
    this.#heard = new Heard()
    const { events, receipts, deviceLists } = this.#parts.streams.positions()
    this.#running = this.#look(heard, { events, receipts, deviceLists })
      .catch((err: unknown) => {
        this.#parts.logger.warn({ err }, 'what concerns application services could not be read; tried again')
        for (const [room] of heard.rooms) this.#heard.rooms.set(room, 'anybody')
        for (const user of heard.devicesOf) this.#heard.devicesOf.add(user)
        this.#heard.deviceLists ||= heard.deviceLists
        this.#later()
      })
      .finally(() => {
        this.#running = undefined
        this.#run()
      })
  }

  #later(): void {
    this.#cancel ??= this.#parts.clock.after(AGAIN_MS, () => {
      this.#cancel = undefined
      this.#run()
    })
  }

  /** A line that works meanwhile takes what waits up to the positions handled before, so it is told of all that was found in the moment in which these move. */
  async #look(heard: Heard, upTo: ServicePositions): Promise<void> {
    const found = this.#parts.lines().map((line): Found => ({ line, service: line.service, waiting: new Waiting() }))
    for (const [room, users] of heard.rooms) await this.#lookAtRoom(room, users, found)
    await this.#lookAtPassing(heard, found)
    if (heard.devicesOf.size > 0) await this.#lookAtDevices([...heard.devicesOf], found)
    if (heard.deviceLists)
      for (const { service, waiting } of found) if (service.registration.encryption) waiting.deviceLists = true
    this.#handled = upTo
    for (const { line, waiting } of found) {
      line.waiting.add(waiting)
      line.quiet(upTo)
      line.wake()
    }
  }

  async #lookAtRoom(
    room: RoomNumber,
    users: ReadonlySet<UserNumber> | 'anybody',
    lines: readonly Found[],
  ): Promise<void> {
    const { interest } = this.#parts
    const named = users === 'anybody' ? new Map<UserNumber, UserId>() : await interest.usersOfServices([...users])
    if (users === 'anybody' || named.size > 0) interest.forgetRoom(room)
    const services = await interest.servicesIn(room)
    for (const { service, waiting } of lines)
      if (services.includes(service.id) || isNamed(service, named)) waiting.rooms.add(room)
  }

  /** Looks at receipts, typing and presence. */
  async #lookAtPassing(heard: Heard, lines: readonly Found[]): Promise<void> {
    const { interest } = this.#parts
    const hearing = lines.filter(({ service }) => wantsEphemeral(service))
    if (hearing.length === 0) return
    for (const [rooms, kind] of [
      [heard.receiptRooms, 'receiptRooms'],
      [heard.typingRooms, 'typingRooms'],
    ] as const)
      for (const room of rooms)
        for (const { service, waiting } of hearing) if (await interest.isRoomOf(service, room)) waiting[kind].add(room)
    // Private receipts are told to services of which the user is one.
    for (const [user, userId] of await interest.usersOfServices([...heard.receiptUsers]))
      for (const { service, waiting } of hearing) if (service.hasUser(userId)) waiting.receiptUsers.add(user)
    if (heard.presence) await this.#lookAtPresence(hearing)
  }

  async #lookAtPresence(hearing: readonly Found[]): Promise<void> {
    const { presence, streams, interest } = this.#parts
    const upTo = streams.positions().presence
    const changed = presence.changedSince(this.#presenceSeen, upTo)
    this.#presenceSeen = upTo
    for (const { userId } of changed)
      for (const { service, waiting } of hearing)
        if (service.hasUser(userId) || (await interest.sharesRoom(service, userId))) waiting.presence.add(userId)
  }

  async #lookAtDevices(users: readonly UserNumber[], lines: readonly Found[]): Promise<void> {
    for (const [user, userId] of await this.#parts.interest.usersOfServices(users))
      for (const { service, waiting } of lines)
        if (service.registration.encryption && service.owns(userId)) waiting.inboxes.set(user, userId)
  }
}

/** Findings for one service. */
interface Found {
  readonly line: AppserviceLine
  readonly service: AppserviceLine['service']
  readonly waiting: Waiting
}

const noteRoom = (heard: Heard, room: RoomNumber, users: readonly UserNumber[]): void => {
  const known = heard.rooms.get(room)
  if (known === 'anybody') return
  if (known === undefined) heard.rooms.set(room, new Set(users))
  else for (const user of users) known.add(user)
}

const isNamed = (service: AppserviceLine['service'], named: ReadonlyMap<UserNumber, UserId>): boolean =>
  [...named.values()].some((userId) => service.hasUser(userId))
