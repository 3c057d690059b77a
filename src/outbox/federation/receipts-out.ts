import type { Clock, Logger } from '#base'
import { contentJson } from '#rules'
import { type JsonObject, type RoomId, type ServerName, serverOf, type UserId } from '#spec'
import type { Receipt, ReceiptsReader, RoomNumber, RoomsReader } from '#store'
import type { News, Streams } from '#streams'
import { AwayServers } from './away-servers.ts'
import type { EduOutlet, EduSource } from './edu-source.ts'
import { RECEIPT_KEY } from './volatile-edus.ts'

export interface ReceiptsOutParts {
  readonly own: ServerName
  readonly clock: Clock
  readonly logger: Logger
  readonly streams: Pick<Streams, 'positions'>
  readonly receipts: Pick<ReceiptsReader, 'since'>
  readonly rooms: Pick<RoomsReader, 'room' | 'roomsSharedWith'>
}

/** Receipts of one room within this time are told together. */
const COALESCE_MS = 100
/** For each server in the room, so that the receipts of one room cost no more than fifty requests a second. */
const PER_SERVER_MS = 20
const LONGEST_MS = 60_000
/** The wait after what could not be told because the database could not be read. */
const AGAIN_MS = 5_000
/** Rooms that are looked through at once for what a server missed. */
const ROOMS_AT_ONCE = 100
/** Matches no user: private receipts are told to nobody. */
const NOBODY = '' as UserId

/** Tells other servers how far users here have read (server-server API, "Receipts"). */
export class ReceiptsOut implements EduSource {
  readonly #parts: ReceiptsOutParts
  /** Rooms whose receipts will be told, with the functions that end the wait. */
  readonly #waiting = new Map<RoomNumber, () => void>()
  readonly #away: AwayServers
  #outlet: EduOutlet | undefined
  #made = 0

  constructor(parts: ReceiptsOutParts) {
    this.#parts = parts
    const { clock, streams } = parts
    this.#away = new AwayServers({ clock, position: () => streams.positions().receipts })
  }

  start(outlet: EduOutlet): void {
    this.#outlet = outlet
    this.#away.note()
  }

  stop(): void {
    this.#outlet = undefined
    for (const cancel of this.#waiting.values()) cancel()
    this.#waiting.clear()
    this.#away.clear()
  }

  failing(server: ServerName): void {
    this.#away.failing(server)
  }

  /** Tells it how far people have read meanwhile, in the newest state of each receipt. */
  back(server: ServerName): void {
    const after = this.#away.back(server)
    const outlet = this.#outlet
    if (after !== undefined && outlet !== undefined)
      this.#untilDone(outlet, () => this.#tellMissed(outlet, server, after))
  }

  hear(news: readonly News[]): void {
    for (const { stream, position, rooms } of news) {
      if (stream !== 'receipts') continue
      this.#away.note()
      for (const room of rooms) this.#tellLater(room, position)
    }
  }

  #tellLater(room: RoomNumber, position: number): void {
    const outlet = this.#outlet
    if (outlet === undefined || this.#waiting.has(room)) return
    const { clock } = this.#parts
    this.#waiting.set(room, () => {})
    this.#untilDone(outlet, async () => {
      const others = await outlet.roomServers.othersIn(room)
      if (others.length === 0 || this.#outlet !== outlet) {
        this.#waiting.delete(room)
        return
      }
      const delayMs = Math.min(Math.max(COALESCE_MS, others.length * PER_SERVER_MS), LONGEST_MS)
      const tell = (): void => {
        this.#waiting.delete(room)
        this.#untilDone(outlet, () => this.#tell(outlet, room, position - 1))
      }
      this.#waiting.set(room, clock.after(delayMs, tell))
    })
  }

  async #tell({ to, roomServers }: EduOutlet, room: RoomNumber, after: number): Promise<void> {
    const edus = await this.#edusOf(room, await this.#moved([room], after))
    const servers = edus.length === 0 ? [] : await roomServers.othersIn(room)
    for (const json of edus) {
      const key = `${RECEIPT_KEY}${this.#made++}`
      for (const { name } of servers) to.at(name).addVolatile(key, json)
    }
  }

  async #tellMissed({ to }: EduOutlet, server: ServerName, after: number): Promise<void> {
    const { own, rooms } = this.#parts
    const shared = await rooms.roomsSharedWith(server, own)
    for (let from = 0; from < shared.length; from += ROOMS_AT_ONCE) {
      const moved = Map.groupBy(
        await this.#moved(shared.slice(from, from + ROOMS_AT_ONCE), after),
        (receipt) => receipt.room,
      )
      for (const [room, receipts] of moved)
        for (const json of await this.#edusOf(room, receipts))
          to.at(server).addVolatile(`${RECEIPT_KEY}${this.#made++}`, json)
    }
  }

  /** Receipts of users here that others may know. */
  async #moved(rooms: readonly RoomNumber[], after: number): Promise<readonly Receipt[]> {
    const { own, streams, receipts } = this.#parts
    const moved = await receipts.since(rooms, after, streams.positions().receipts, NOBODY)
    return moved.filter(({ userId }) => serverOf(userId) === own)
  }

  async #edusOf(room: RoomNumber, receipts: readonly Receipt[]): Promise<readonly string[]> {
    const roomId = receipts.length === 0 ? undefined : (await this.#parts.rooms.room(room))?.roomId
    if (roomId === undefined) return []
    return contentsOf(roomId, receipts).flatMap((content) => {
      const json = contentJson({ edu_type: 'm.receipt', content })
      return json.ok ? [json.value] : []
    })
  }

  /** Work that fails is done again, as long as this process sends: nobody else would tell what it was to tell. */
  #untilDone(outlet: EduOutlet, work: () => Promise<void>): void {
    const { clock, logger } = this.#parts
    work().catch((err: unknown) => {
      logger.warn({ err }, 'receipts could not be told to other servers; tried again')
      clock.after(AGAIN_MS, () => {
        if (this.#outlet === outlet) this.#untilDone(outlet, work)
      })
    })
  }
}

/** The contents of as few EDUs as it takes: one EDU has one receipt of a user, and a user may have one a thread. */
const contentsOf = (roomId: RoomId, receipts: readonly Receipt[]): readonly JsonObject[] => {
  const edus: Map<UserId, JsonObject>[] = []
  for (const { userId, eventId, threadId, atMs } of receipts) {
    const data = { ts: atMs, ...(threadId === undefined ? {} : { thread_id: threadId }) }
    const free = edus.find((users) => !users.has(userId)) ?? new Map<UserId, JsonObject>()
    if (free.size === 0) edus.push(free)
    free.set(userId, { data, event_ids: [eventId] })
  }
  return edus.map((users) => ({ [roomId]: { 'm.read': Object.fromEntries(users) } }))
}
