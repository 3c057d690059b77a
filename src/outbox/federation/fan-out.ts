import type { Clock, Logger } from '#base'
import { isJsonObject, objectAt, parseUserId, type ServerName, serverOf, stringAt } from '#spec'
import type { FederationOutReader, OutgoingEvent, RoomNumber } from '#store'
import type { News } from '#streams'
import type { RoomServers } from './room-servers.ts'

export interface FanOutParts {
  readonly own: ServerName
  readonly clock: Clock
  readonly logger: Logger
  readonly reader: Pick<FederationOutReader, 'outgoingIn' | 'roomsBetween'>
  readonly roomServers: RoomServers
  /** The newest position of the stream of events. */
  readonly position: () => number
  /** Hands out an event to servers; events come in order. */
  readonly send: (event: OutgoingEvent, servers: readonly ServerName[]) => void
  /** Called when all events up to `reached` were handed out; `sent`: whether there were any. */
  readonly reached: (sent: boolean) => void
}

const PAGE = 100
const AGAIN_MS = 1_000
/** Rooms of one query. */
const ROOMS_AT_ONCE = 200

/** Follows the stream of events, and finds out which of them go to which servers. Rooms without other servers cost no query. */
export class FanOut {
  readonly #parts: FanOutParts
  /** Rooms with new events; true: their memberships may have changed. */
  #rooms = new Map<RoomNumber, boolean>()
  /** Whether events may have come in any room. */
  #missed = false
  #reached: number
  #running: Promise<void> | undefined
  #cancel: (() => void) | undefined
  #stopped = false

  constructor(parts: FanOutParts, from: number) {
    this.#parts = parts
    this.#reached = from
  }

  /** The position up to which all events were handed out. */
  get reached(): number {
    return this.#reached
  }

  hear(news: readonly News[]): void {
    for (const { stream, rooms, users } of news) {
      if (stream !== 'events') continue
      for (const room of rooms) this.#rooms.set(room, users.length > 0 || this.#rooms.get(room) === true)
    }
    this.#run()
  }

  /** Looks at all rooms: after a start, and where news was lost. */
  missed(): void {
    this.#missed = true
    this.#run()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#running
  }

  #run(): void {
    if (this.#running !== undefined || this.#cancel !== undefined || this.#stopped) return
    if (this.#rooms.size === 0 && !this.#missed) return
    if (this.#passesBy()) return
    this.#running = this.#follow()
      .catch((err: unknown) => {
        this.#parts.logger.warn({ err }, 'events for other servers could not be read; tried again')
        this.#missed = true
        this.#cancel = this.#parts.clock.after(AGAIN_MS, () => {
          this.#cancel = undefined
          this.#run()
        })
      })
      .finally(() => {
        this.#running = undefined
        this.#run()
      })
  }

  /** Events that go nowhere, as most do, are passed at once: it happens for each group of commits, and promises would cost more than the look. */
  #passesBy(): boolean {
    if (this.#missed) return false
    const { roomServers, position, reached } = this.#parts
    for (const [room, isChanged] of this.#rooms) if (isChanged || !roomServers.isKnownAlone(room)) return false
    this.#rooms.clear()
    this.#reached = position()
    reached(false)
    return true
  }

  async #follow(): Promise<void> {
    const { position, reached } = this.#parts
    const upTo = position()
    const changed = this.#missed ? await this.#allRooms(upTo) : this.#rooms
    if (changed === this.#rooms) this.#rooms = new Map()
    const rooms: RoomNumber[] = []
    for (const [room, isChanged] of changed) {
      const others = isChanged ? [] : await this.#parts.roomServers.othersIn(room)
      if (isChanged || others.length > 0 || this.#isChanging(room)) rooms.push(room)
    }
    const sent = await this.#handOut(rooms, changed, upTo)
    this.#reached = upTo
    reached(sent)
  }

  /** All rooms with events that were not handed out yet; nothing is known of their memberships meanwhile. */
  async #allRooms(upTo: number): Promise<ReadonlyMap<RoomNumber, boolean>> {
    const { reader, roomServers } = this.#parts
    this.#missed = false
    this.#rooms = new Map()
    roomServers.forgetAll()
    const rooms = await reader.roomsBetween(this.#reached, upTo)
    return new Map(rooms.map((room) => [room, true]))
  }

  async #handOut(
    rooms: readonly RoomNumber[],
    changed: ReadonlyMap<RoomNumber, boolean>,
    upTo: number,
  ): Promise<boolean> {
    const { own, reader, send } = this.#parts
    let sent = false
    if (rooms.length > ROOMS_AT_ONCE) return this.#handOutMany(rooms, changed, upTo)
    while (rooms.length > 0 && this.#reached < upTo && !this.#stopped) {
      const events = await reader.outgoingIn(rooms, { after: this.#reached, upTo, own, limit: PAGE })
      for (const event of events) {
        const servers = await this.#serversFor(event, changed.get(event.room) === true)
        if (servers.length > 0) {
          send(event, servers)
          sent = true
        }
        this.#reached = event.position
      }
      if (events.length < PAGE) break
    }
    return sent
  }

  /** The same in stretches of the stream that few rooms share, so that events still come in order. */
  async #handOutMany(
    rooms: readonly RoomNumber[],
    changed: ReadonlyMap<RoomNumber, boolean>,
    upTo: number,
  ): Promise<boolean> {
    let sent = false
    while (this.#reached < upTo && !this.#stopped) {
      const middle = Math.min(upTo, this.#reached + ROOMS_AT_ONCE)
      const known = new Set(rooms)
      const between = (await this.#parts.reader.roomsBetween(this.#reached, middle)).filter((room) => known.has(room))
      if (await this.#handOut(between, changed, middle)) sent = true
      this.#reached = middle
    }
    return sent
  }

  async #serversFor(event: OutgoingEvent, isChanged: boolean): Promise<readonly ServerName[]> {
    const { own } = this.#parts
    const { sender } = event
    const servers = await this.#serversAt(event, isChanged)
    const origin = serverOf(sender)
    const others = origin === own ? servers : servers.filter((server) => server !== origin)
    const target = invitedServer(event)
    return target === undefined || target === own || target === origin || others.includes(target)
      ? others
      : [...others, target]
  }

  /** The servers in the room right before the event; those of now where nothing changed since. */
  async #serversAt({ room, position }: OutgoingEvent, isChanged: boolean): Promise<readonly ServerName[]> {
    const { roomServers } = this.#parts
    if (isChanged) return roomServers.othersAt(room, position)
    const now = await roomServers.othersIn(room)
    if (this.#isChanging(room)) return roomServers.othersAt(room, position)
    // The database may be ahead of its news.
    return now.filter(({ since }) => since < position).map(({ name }) => name)
  }

  /** Whether memberships of the room changed after the events that are looked at. */
  #isChanging(room: RoomNumber): boolean {
    return this.#missed || this.#rooms.get(room) === true
  }
}

/** The server of a user whose invite, knock or stay ends by the event: it has to hear of that, also where it was never in the room. */
const invitedServer = ({ type, stateKey, json, replacedJson }: OutgoingEvent): ServerName | undefined => {
  if (type !== 'm.room.member' || stateKey === undefined || replacedJson === undefined) return undefined
  const userId = parseUserId(stateKey)
  if (userId === undefined || !ENDS.has(membershipIn(json) ?? '')) return undefined
  return ENDED.has(membershipIn(replacedJson) ?? '') ? serverOf(userId) : undefined
}

const ENDS: ReadonlySet<string> = new Set(['leave', 'ban'])
const ENDED: ReadonlySet<string> = new Set(['invite', 'knock', 'join'])

const membershipIn = (json: string): string | undefined => {
  const event: unknown = JSON.parse(json)
  return isJsonObject(event) ? stringAt(objectAt(event, 'content') ?? {}, 'membership') : undefined
}
