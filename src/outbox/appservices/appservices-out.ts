import type { CacheStats, Clock, Logger } from '#base'
import type { AppserviceRequests } from '#net'
import type {
  AppservicesOutReader,
  AppservicesOutWriter,
  Commit,
  FederationOutReader,
  LeasedWork,
  RoomNumber,
} from '#store'
import type { Streams } from '#streams'
import { Follower, type PresenceChanges } from './follower.ts'
import type { Interest } from './interest.ts'
import { AppserviceLine, type LineStatus } from './line.ts'
import type { ServedAppservice } from './served.ts'
import type { TransactionMaker } from './transaction-maker.ts'

export interface AppservicesOutParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly streams: Pick<Streams, 'positions' | 'onNews'>
  readonly store: {
    readonly reader: AppservicesOutReader
    readonly writer: AppservicesOutWriter
    readonly commit: Commit
    readonly rooms: Pick<FederationOutReader, 'roomsBetween'>
  }
  readonly requests: Pick<AppserviceRequests, 'ask'>
  readonly telling: {
    readonly interest: Interest
    readonly maker: TransactionMaker
    readonly presence: PresenceChanges
  }
  services(): readonly ServedAppservice[]
}

const AGAIN_MS = 5_000
const SAVE_EVERY_MS = 300_000

/**
 * Sends to application services what concerns them (application service API, "Pushing events"), in order, until they take it, over restarts. One process at
 * a time does so, by a lease.
 */
export class AppservicesOut implements LeasedWork {
  readonly #parts: AppservicesOutParts
  readonly #lines = new Map<string, AppserviceLine>()
  #follower: Follower | undefined
  #cancel: (() => void) | undefined
  #cancelSave: (() => void) | undefined
  #beginning: Promise<void> = Promise.resolve()

  constructor(parts: AppservicesOutParts) {
    this.#parts = parts
  }

  /** Does not wait for anything to be sent. */
  start(): void {
    const follower = new Follower({
      ...this.#parts,
      ...this.#parts.telling,
      rooms: this.#parts.store.rooms,
      lines: () => [...this.#lines.values()],
    })
    this.#follower = follower
    this.#begin(follower)
    this.#saveLater()
  }

  async stop(): Promise<void> {
    const follower = this.#follower
    this.#follower = undefined
    this.#cancel?.()
    this.#cancelSave?.()
    await this.#beginning
    await follower?.stop()
    await Promise.all([...this.#lines.values()].map((line) => line.stop()))
    await this.#save()
    this.#lines.clear()
  }

  /** To be called after services came, changed, or went. */
  async servicesChanged(): Promise<void> {
    const follower = this.#follower
    if (follower === undefined) return
    this.#parts.telling.interest.forgetAll()
    this.#begin(follower)
    await this.#beginning
  }

  /** To be called when a room got or lost an alias. */
  aliasesChanged(room: RoomNumber): void {
    this.#parts.telling.interest.forgetRoom(room)
  }

  /** Tries a service at once, which is there again. */
  reset(id: string): void {
    this.#lines.get(id)?.reset()
  }

  status(id: string): LineStatus | undefined {
    return this.#lines.get(id)?.status
  }

  caches(): readonly CacheStats[] {
    return this.#parts.telling.interest.caches.map((cache) => cache.stats())
  }

  #begin(follower: Follower): void {
    this.#beginning = this.#beginning
      .then(() => this.#open(follower))
      .catch((err: unknown) => {
        const { logger, clock } = this.#parts
        logger.warn({ err }, 'what is to be sent to application services could not be read; tried again')
        if (this.#follower === follower) this.#cancel = clock.after(AGAIN_MS, () => this.#begin(follower))
      })
  }

  async #open(follower: Follower): Promise<void> {
    const services = this.#parts.services().filter(({ registration }) => registration.url !== undefined)
    const wanted = new Map(services.map((service) => [service.id, service]))
    for (const [id, line] of this.#lines) {
      if (wanted.has(id)) continue
      this.#lines.delete(id)
      await line.stop()
      await line.save()
    }
    const fresh: AppserviceLine[] = []
    for (const service of services) {
      const known = this.#lines.get(service.id)
      if (known !== undefined) known.service = service
      else fresh.push(await this.#newLine(service, follower))
    }
    if (this.#follower !== follower) return
    for (const line of fresh) this.#lines.set(line.service.id, line)
    if (this.#lines.size === 0) return
    follower.start()
    if (fresh.length > 0) await follower.catchUp(fresh)
  }

  async #newLine(service: ServedAppservice, follower: Follower): Promise<AppserviceLine> {
    const { clock, logger, requests, telling, streams, store } = this.#parts
    const { reader, writer, commit } = store
    const stored = await reader.progress(service.id)
    const { events, receipts, deviceLists } = streams.positions()
    // A service that is new here is told of what happens from now on.
    const progress = stored ?? { events, receipts, deviceLists, txn: 0, lastSuccessMs: undefined }
    if (stored === undefined) await commit([writer.advance(service.id, { events, receipts, deviceLists })])
    return new AppserviceLine(service, {
      ...{ clock, logger, requests, writer, commit, progress },
      make: (served, waiting, after) => telling.maker.make(served, waiting, after, follower.handled),
      underWay: await reader.underWay(service.id),
    })
  }

  #saveLater(): void {
    this.#cancelSave = this.#parts.clock.after(SAVE_EVERY_MS, () => {
      void this.#save().finally(() => {
        if (this.#follower !== undefined) this.#saveLater()
      })
    })
  }

  /** Never throws: what could not be stored is stored the next time. */
  async #save(): Promise<void> {
    try {
      for (const line of this.#lines.values()) await line.save()
    } catch (err) {
      this.#parts.logger.warn({ err }, 'how far application services have got could not be written')
    }
  }
}
