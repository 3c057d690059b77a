import type { Clock, Logger, Random } from '#base'
import type { FederationRequests } from '#net'
import type { ServerName } from '#spec'
import type { RoomsReader } from '#store'
import type { News, Streams } from '#streams'
import { Backlog, type OutStore } from './backlog.ts'
import { Destinations } from './destinations.ts'
import type { EduSource } from './edu-source.ts'
import { FanOut } from './fan-out.ts'
import { RoomServers } from './room-servers.ts'
import { Transactions } from './transactions.ts'

export interface SendingParts {
  readonly own: ServerName
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly streams: Pick<Streams, 'positions' | 'durablePositions' | 'onNews'>
  readonly requests: Pick<FederationRequests, 'json'>
  readonly store: OutStore & { readonly rooms: Pick<RoomsReader, 'serversOf' | 'serversAt'> }
  /** Sources of typing, receipts and presence. */
  readonly sources: readonly EduSource[]
}

const AGAIN_MS = 5_000

/** Sends to all other servers while this process does so: from a start to the stop after it. */
export class Sending {
  readonly destinations: Destinations
  readonly roomServers: RoomServers
  readonly #parts: SendingParts
  #fanOut: FanOut | undefined
  #edusSeen = 0
  #edus: Promise<void> = Promise.resolve()
  #started: Promise<void> | undefined
  #endNews: (() => void) | undefined
  #cancel: (() => void) | undefined
  #stopped = false

  constructor(parts: SendingParts) {
    const { own, store, clock, logger } = parts
    this.#parts = parts
    this.roomServers = new RoomServers({ own, rooms: store.rooms })
    const backlog = new Backlog({
      ...{ own, clock, logger, store },
      reached: () => this.#fanOut?.reached ?? 0,
      roomsStoredTo: () => this.destinations.roomsStoredTo,
    })
    const transactions = new Transactions({ ...parts, origin: own })
    this.destinations = new Destinations({ ...parts, backlog, transactions })
  }

  /** Does not wait for anything to be sent. */
  start(): void {
    this.#started = this.#begin().catch((err: unknown) => {
      const { logger, clock } = this.#parts
      logger.warn({ err }, 'what is to be sent to other servers could not be read; tried again')
      if (!this.#stopped) this.#cancel = clock.after(AGAIN_MS, () => this.start())
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    this.#endNews?.()
    await this.#started
    for (const source of this.#parts.sources) source.stop()
    await this.#fanOut?.stop()
    await this.#edus
    await this.destinations.stop()
  }

  async #begin(): Promise<void> {
    const { streams, store, own, clock, logger, sources } = this.#parts
    const from = await this.destinations.load()
    const fanOut = new FanOut(
      {
        ...{ own, clock, logger },
        reader: store.reader,
        roomServers: this.roomServers,
        position: () => streams.positions().events,
        send: (event, servers) => this.destinations.send(event, servers),
        reached: (sent) => this.destinations.reached(sent),
      },
      from,
    )
    this.#fanOut = fanOut
    if (this.#stopped) return
    this.#endNews = streams.onNews({
      news: (news) => this.#hear(news),
      missed: () => {
        fanOut.missed()
        this.#readEdus()
      },
    })
    for (const source of sources) source.start({ to: this.destinations, roomServers: this.roomServers })
    fanOut.missed()
    this.#readEdus()
    await this.destinations.resume()
  }

  #hear(news: readonly News[]): void {
    this.roomServers.hear(news)
    this.#fanOut?.hear(news)
    if (news.some(({ stream }) => stream === 'federationEdus')) this.#readEdus()
    for (const source of this.#parts.sources) source.hear(news)
  }

  /** Finds out for whom new EDUs wait. */
  #readEdus(): void {
    const { logger, clock } = this.#parts
    this.#edus = this.#edus
      .then(() => this.#wakeForEdus())
      .catch((err: unknown) => {
        logger.warn({ err }, 'EDUs for other servers could not be read; tried again')
        clock.after(AGAIN_MS, () => {
          if (!this.#stopped) this.#readEdus()
        })
      })
  }

  async #wakeForEdus(): Promise<void> {
    const { store, streams } = this.#parts
    const upTo = streams.durablePositions().federationEdus
    if (upTo <= this.#edusSeen || this.#stopped) return
    for (const server of await store.reader.serversWithEdus(this.#edusSeen, upTo))
      this.destinations.at(server).edusWait()
    this.#edusSeen = upTo
  }
}
