import { type Clock, growingPause, type Logger } from '#base'
import type { AppserviceAnswer, AppserviceRequests } from '#net'
import type { AppservicesOutWriter, Commit, ServicePositions, ServiceProgress, ServiceTransaction } from '#store'
import type { ServedAppservice } from './served.ts'
import type { Made } from './transaction-maker.ts'
import { Waiting } from './waiting.ts'

export interface AppserviceLineParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly writer: AppservicesOutWriter
  readonly commit: Commit
  readonly requests: Pick<AppserviceRequests, 'ask'>
  readonly make: (service: ServedAppservice, waiting: Waiting, after: ServicePositions) => Promise<Made>
  readonly progress: ServiceProgress
  readonly underWay: ServiceTransaction | undefined
}

/** How a service does. */
export interface LineStatus {
  readonly waiting: number
  readonly failures: number
  readonly retryAtMs: number | undefined
  readonly lastSuccessMs: number | undefined
  readonly lastFailure: { readonly atMs: number; readonly reason: string } | undefined
}

const PAUSES = { firstMs: 2_000, longestMs: 512_000 }
const AGAIN_MS = 5_000

/** One service: one transaction on the way at a time, in order, repeated with growing pauses until the service takes it. */
export class AppserviceLine {
  /** Replaced when the registration changes. */
  service: ServedAppservice
  readonly waiting = new Waiting()
  readonly #parts: AppserviceLineParts
  /** Everything of which the transaction is made that is not stored yet. */
  #making: Waiting | undefined
  #positions: ServicePositions
  #txn: number
  #underWay: ServiceTransaction | undefined
  #running: Promise<void> | undefined
  #cancelPause: (() => void) | undefined
  #retryAtMs: number | undefined
  #failures = 0
  #lastSuccessMs: number | undefined
  #lastFailure: LineStatus['lastFailure']
  #stored: ServicePositions
  readonly #stopping = new AbortController()

  constructor(service: ServedAppservice, parts: AppserviceLineParts) {
    this.service = service
    this.#parts = parts
    const { txn, lastSuccessMs, ...positions } = parts.progress
    this.#positions = positions
    this.#stored = positions
    this.#txn = txn
    this.#underWay = parts.underWay
    this.#lastSuccessMs = lastSuccessMs
  }

  /** The service has all events up to this position, or they are in the transaction under way. */
  get reached(): number {
    return this.#positions.events
  }

  get status(): LineStatus {
    const later = [...this.waiting.counts, ...(this.#making?.counts ?? [])].reduce((sum, count) => sum + count, 0)
    return {
      waiting: (this.#underWay?.items ?? 0) + later,
      failures: this.#failures,
      retryAtMs: this.#retryAtMs,
      lastSuccessMs: this.#lastSuccessMs,
      lastFailure: this.#lastFailure,
    }
  }

  /** Goes on, as something may wait. */
  wake(): void {
    if (this.#running !== undefined || this.#cancelPause !== undefined || this.#stopped) return
    if (this.#underWay === undefined && this.waiting.isEmpty) return
    this.#running = this.#work()
      .catch((err: unknown) => {
        this.#parts.logger.warn({ err, service: this.service.id }, 'sending to an application service is tried again')
        this.#pause(AGAIN_MS)
      })
      .finally(() => {
        this.#running = undefined
        this.wake()
      })
  }

  /** Nothing up to these positions concerns the service, if nothing waits for it. */
  quiet(upTo: ServicePositions): void {
    if (this.#running !== undefined || this.#underWay !== undefined || !this.waiting.isEmpty) return
    this.#positions = furthest(this.#positions, upTo)
  }

  /** Tries at once, as the service is there again. */
  reset(): void {
    this.#failures = 0
    this.#cancelPause?.()
    this.#cancelPause = undefined
    this.#retryAtMs = undefined
    this.wake()
  }

  /** Stores how far the service is, where that changed without a transaction. */
  async save(): Promise<void> {
    const positions = this.#positions
    if (this.#underWay !== undefined || this.#running !== undefined || same(positions, this.#stored)) return
    await this.#parts.commit([this.#parts.writer.advance(this.service.id, positions)])
    this.#stored = positions
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted
  }

  /** Cuts the request under way, which is repeated after the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#cancelPause?.()
    await this.#running
  }

  async #work(): Promise<void> {
    while (!this.#stopped) {
      this.#underWay ??= await this.#next()
      if (this.#underWay === undefined) return
      if (!(await this.#deliver(this.#underWay))) return
      this.#underWay = undefined
    }
  }

  /** Stores the next transaction, so that it stays the same whatever happens; undefined where nothing waits. */
  async #next(): Promise<ServiceTransaction | undefined> {
    while (!this.waiting.isEmpty && !this.#stopped) {
      // Findings from now on are behind the positions up to which the transaction reads, and wait for the next one.
      const taken = this.waiting.takeAll()
      this.#making = taken.copy()
      try {
        const transaction = await this.#make(taken)
        this.waiting.add(taken)
        if (transaction !== undefined) return transaction
      } catch (error) {
        // The things taken out of it are nowhere yet.
        this.waiting.add(this.#making)
        throw error
      } finally {
        this.#making = undefined
      }
    }
    return undefined
  }

  /** Returns undefined where what was looked at does not concern the service. */
  async #make(waiting: Waiting): Promise<ServiceTransaction | undefined> {
    const { make, writer, commit } = this.#parts
    const { body, items, inboxes, positions } = await make(this.service, waiting, this.#positions)
    if (items === 0) {
      this.#positions = positions
      return undefined
    }
    const transaction = { txn: this.#txn + 1, body, items, inboxes }
    await commit([writer.queue(this.service.id, transaction, positions)])
    this.#txn = transaction.txn
    this.#positions = positions
    this.#stored = positions
    return transaction
  }

  async #deliver(transaction: ServiceTransaction): Promise<boolean> {
    const { requests, writer, commit, clock } = this.#parts
    const { url, hsToken } = this.service.registration
    if (url === undefined) return false
    const { txn, body } = transaction
    const answer = await requests.ask(
      { url, hsToken },
      {
        method: 'PUT',
        path: `/_matrix/app/v1/transactions/${txn}`,
        oldPath: `/transactions/${txn}`,
        body,
        signal: this.#stopping.signal,
      },
    )
    if (this.#stopped && answer.kind === 'failed') return false
    const failure = failureOf(answer)
    if (failure !== undefined) return this.#failed(failure)
    const atMs = clock.nowMs()
    await commit([writer.taken(this.service.id, transaction, atMs)])
    this.#failures = 0
    this.#lastSuccessMs = atMs
    return true
  }

  #failed(reason: string): false {
    const { clock, logger } = this.#parts
    this.#failures++
    this.#lastFailure = { atMs: clock.nowMs(), reason }
    const told = { service: this.service.id, reason, failures: this.#failures }
    if (this.#failures === 1) logger.warn(told, 'an application service did not take a transaction; it is tried again')
    else logger.debug(told, 'an application service did not take a transaction')
    this.#pause(growingPause(this.#failures, PAUSES))
    return false
  }

  #pause(pauseMs: number): void {
    if (this.#stopped) return
    const { clock } = this.#parts
    this.#retryAtMs = clock.nowMs() + pauseMs
    this.#cancelPause = clock.after(pauseMs, () => {
      this.#cancelPause = undefined
      this.#retryAtMs = undefined
      this.wake()
    })
  }
}

const failureOf = (answer: AppserviceAnswer): string | undefined => {
  if (answer.kind === 'failed') return answer.reason
  return answer.status >= 200 && answer.status <= 299 ? undefined : `status ${answer.status}`
}

const furthest = (one: ServicePositions, other: ServicePositions): ServicePositions => ({
  events: Math.max(one.events, other.events),
  receipts: Math.max(one.receipts, other.receipts),
  deviceLists: Math.max(one.deviceLists, other.deviceLists),
})

const same = (one: ServicePositions, other: ServicePositions): boolean =>
  one.events === other.events && one.receipts === other.receipts && one.deviceLists === other.deviceLists
