import type { Clock, Logger, Random } from '#base'
import { FederationFailure, type FederationRequests } from '#net'
import type { JsonValue, ServerName } from '#spec'
import type { BehindDestination, OutgoingEvent, WaitingEdu } from '#store'
import type { Backlog } from './backlog.ts'
import { Pauses } from './pauses.ts'
import type { StartingSlots } from './starting-slots.ts'
import { MAX_EDUS, MAX_PDUS, refusedIn, type Transaction, type Transactions } from './transactions.ts'
import { VolatileEdus } from './volatile-edus.ts'

/** The parts that all destinations share. */
export interface DestinationParts {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly requests: Pick<FederationRequests, 'json'>
  readonly backlog: Backlog
  readonly transactions: Transactions
  /** For destinations that work, and for those that failed last. */
  readonly slots: { readonly working: StartingSlots; readonly failing: StartingSlots }
  /** Called when what a restart needs to know of the destination has changed. */
  readonly changed: (destination: Destination) => void
}

/** Events that a destination holds in memory; one with more reads them from the database. */
const MAX_PENDING = 500
const TIMEOUT_MS = 60_000
/** For servers that failed last. */
const SHORT_TIMEOUT_MS = 20_000
/** A transaction is kept for so many attempts; after that the server gets what it missed in new ones. */
const ATTEMPTS_KEPT = 6
/** Answers by which a server refuses one transaction, and does not say that it takes none. */
const REFUSES_CONTENT: ReadonlySet<number> = new Set([400, 411, 413, 414, 415, 422, 431])

/** One server to which events and EDUs are sent: one transaction at a time, in order, with growing pauses while it fails. */
export class Destination {
  readonly server: ServerName
  readonly #parts: DestinationParts
  readonly #pauses: Pauses
  readonly #volatile: VolatileEdus
  /** Events to be sent, those on the way among them; empty while they are read from the database. */
  #pending: OutgoingEvent[] = []
  /** While events are read from the database: the position up to which the server has all. */
  #servedTo: number | undefined
  /** While it is behind: when it began to fail, if it did. */
  #since: number | undefined
  /** The newest event that was handed out. */
  #newest = 0
  #edusWait = false
  #current: Transaction | undefined
  /** Less than usual after a refusal, to find what is refused. */
  #limits: { readonly pdus: number; readonly edus: number } = { pdus: MAX_PDUS, edus: MAX_EDUS }
  #lastSuccessMs: number | undefined
  #running: Promise<void> | undefined
  readonly #stopping = new AbortController()

  constructor(server: ServerName, parts: DestinationParts, behind?: BehindDestination) {
    const { clock, random } = parts
    this.server = server
    this.#parts = parts
    this.#pauses = new Pauses({ clock, random, over: () => this.#run() }, behind)
    this.#volatile = new VolatileEdus(clock, () => this.#run())
    this.#servedTo = behind?.position
    this.#lastSuccessMs = behind?.lastSuccessMs
  }

  /** The position up to which the server has all; undefined: as far as events were handed out. */
  get heldBackAt(): number | undefined {
    return this.#servedTo ?? (this.#pending[0] === undefined ? undefined : this.#pending[0].position - 1)
  }

  /** Whether a restart has to know of it. */
  get isBehind(): boolean {
    return this.#servedTo !== undefined
  }

  /** Whether there is nothing to do and nothing to remember. */
  get isIdle(): boolean {
    return !this.isBehind && !this.#pauses.isPausing && this.#running === undefined && !this.#hasWork()
  }

  get status() {
    const { failures, failingSinceMs, retryAtMs } = this.#pauses
    return {
      server: this.server,
      pending: this.#pending.length,
      behind: this.isBehind,
      failures,
      failingSinceMs: failures === 0 ? undefined : failingSinceMs,
      retryAtMs,
      lastSuccessMs: this.#lastSuccessMs,
    }
  }

  /** The row that a restart has to know, while it is behind. */
  get record(): BehindDestination {
    const { failures, failingSinceMs, retryAtMs } = this.#pauses
    const position = this.#servedTo ?? 0
    return { server: this.server, position, failures, failingSinceMs, retryAtMs, lastSuccessMs: this.#lastSuccessMs }
  }

  /** Hands out the next event. */
  add(event: OutgoingEvent): void {
    this.#newest = event.position
    if (this.#servedTo === undefined) this.#pending.push(event)
    if (this.#pending.length > MAX_PENDING) this.#fallBack()
    this.#run()
  }

  /** EDUs wait in the database. */
  edusWait(): void {
    this.#edusWait = true
    this.#run()
  }

  /** A newer one of the same key replaces it. Lost if the server cannot be reached. */
  addVolatile(key: string, json: string, delayMs = 0): void {
    if (this.#pauses.failures === 0) this.#volatile.add(key, json, delayMs)
  }

  /** The server gave a sign of life. */
  heard(): void {
    this.#pauses.heard()
  }

  /** Tries at once. */
  reset(): void {
    this.#pauses.reset()
    this.#run()
  }

  /** Begins after a restart; one that failed before waits for at least so long. */
  resume(leastMs: number): void {
    this.#pauses.resume(leastMs)
    this.#run()
  }

  /** Cuts the request under way. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#pauses.stop()
    this.#volatile.clear()
    await this.#running
  }

  #hasWork(): boolean {
    const { length } = this.#pending
    return this.#current !== undefined || length > 0 || this.isBehind || this.#edusWait || this.#volatile.isDue
  }

  /** From now on events are read from the database. */
  #fallBack(): void {
    this.#servedTo ??= (this.#pending[0]?.position ?? Math.max(this.#newest, this.#parts.backlog.reached) + 1) - 1
    this.#pending = []
    this.#parts.changed(this)
  }

  #run(): void {
    if (this.#running !== undefined || this.#stopping.signal.aborted || !this.#mayWork()) return
    this.#running = this.#work()
      .catch((err: unknown) => {
        this.#parts.logger.warn({ err, destination: this.server }, 'sending to a server could not go on; tried again')
        this.#failed()
      })
      .finally(() => {
        this.#running = undefined
        this.#run()
      })
  }

  #mayWork(): boolean {
    return this.#hasWork() && !this.#pauses.isPausing
  }

  async #work(): Promise<void> {
    while (this.#mayWork()) {
      const { working, failing } = this.#parts.slots
      const giveBack = await (this.#pauses.failures > 0 ? failing : working).take()
      try {
        if (this.#stopping.signal.aborted) return
        this.#current ??= await this.#next()
        if (this.#current !== undefined && !(await this.#send(this.#current))) return
      } finally {
        giveBack()
      }
    }
  }

  /** undefined: there is nothing to send at the moment. */
  async #next(): Promise<Transaction | undefined> {
    const { pdus, edus } = this.#limits
    const events = this.isBehind ? await this.#missed() : this.#pending.slice(0, pdus)
    const waiting = edus === 0 ? [] : await this.#waitingEdus()
    const volatile = this.#volatile.take(edus - waiting.length)
    if (events.length + waiting.length + volatile.length === 0) return undefined
    return this.#parts.transactions.make(events, waiting, volatile)
  }

  async #waitingEdus(): Promise<readonly WaitingEdu[]> {
    if (!this.#edusWait) return []
    this.#edusWait = false
    const limit = MAX_EDUS / 2
    let mayBeMore = true
    try {
      const waiting = await this.#parts.backlog.edus(this.server, limit)
      mayBeMore = waiting.length === limit
      return waiting
    } finally {
      this.#edusWait ||= mayBeMore
    }
  }

  /** Reads what the server missed; when there is no more, events come from memory again. */
  async #missed(): Promise<readonly OutgoingEvent[]> {
    const { backlog, changed } = this.#parts
    while (this.#servedTo !== undefined) {
      const upTo = Math.max(this.#newest, backlog.reached)
      const { failures, failingSinceMs } = this.#pauses
      if (failures > 0) this.#since ??= failingSinceMs
      const range = { after: this.#servedTo, upTo, since: this.#since, limit: this.#limits.pdus }
      const events = await backlog.missed(this.server, range)
      if (events.length > 0) return events
      // An event that was handed out during the read was not read.
      this.#servedTo = this.#newest > upTo ? upTo : undefined
    }
    this.#since = undefined
    changed(this)
    return []
  }

  /** Returns false if it has to be tried again later. */
  async #send(transaction: Transaction): Promise<boolean> {
    const { requests } = this.#parts
    this.#pauses.attempting()
    try {
      const answer = await requests.json(this.server, {
        method: 'PUT',
        path: `/_matrix/federation/v1/send/${encodeURIComponent(transaction.txnId)}`,
        bodyJson: transaction.body,
        timeoutMs: this.#pauses.failures > 0 ? SHORT_TIMEOUT_MS : TIMEOUT_MS,
        signal: this.#stopping.signal,
      })
      this.#logRefused(answer)
    } catch (error) {
      if (this.#stopping.signal.aborted) return false
      if (!(error instanceof FederationFailure)) throw error
      if (await this.#leftOut(transaction, error)) return true
      this.#failed(error)
      return false
    }
    this.#limits = { pdus: MAX_PDUS, edus: MAX_EDUS }
    await this.#taken(transaction)
    return true
  }

  async #taken({ events, edus }: Transaction): Promise<void> {
    const { clock, backlog, changed, logger } = this.#parts
    const last = events.at(-1)
    if (this.#servedTo === undefined) this.#pending.splice(0, events.length)
    else if (last !== undefined) this.#servedTo = last.position
    this.#current = undefined
    this.#lastSuccessMs = clock.nowMs()
    this.#pauses.succeeded()
    changed(this)
    if (edus.length === 0) return
    await backlog.edusTaken(this.server, edus).catch((err: unknown) => {
      this.#edusWait = true
      logger.warn(
        { err, destination: this.server },
        'EDUs that a server took could not be removed; they are sent again',
      )
    })
  }

  /** Handles a refusal of what was sent. Half of it is sent next; what is refused by itself is left out for good. Returns whether it was one. */
  async #leftOut(
    transaction: Transaction,
    { parts: { kind, status = 0, reason } }: FederationFailure,
  ): Promise<boolean> {
    if (kind !== 'refused' || !REFUSES_CONTENT.has(status)) return false
    const { events, edus, eduCount } = transaction
    if (events.length > 1 || (events.length > 0 && eduCount > 0)) {
      this.#limits = { pdus: Math.ceil(events.length / 2), edus: 0 }
      this.#drop(edus)
      return true
    }
    const event = events[0]?.eventId
    const { server: destination } = this
    this.#parts.logger.warn(
      { destination, status, reason, event, edus: eduCount },
      'a server refuses something for good; it is left out',
    )
    await this.#taken(transaction)
    return true
  }

  #drop(edus: readonly number[]): void {
    this.#current = undefined
    this.#edusWait ||= edus.length > 0
  }

  #failed(failure?: FederationFailure): void {
    const { logger, backlog, changed } = this.#parts
    const { retryAfterMs, reason, status } = failure?.parts ?? {}
    const { server: destination } = this
    this.#pauses.failed(status === 429 ? (retryAfterMs ?? 0) : undefined)
    if (this.#pauses.failures >= ATTEMPTS_KEPT && this.#current !== undefined) this.#drop(this.#current.edus)
    this.#volatile.clear()
    this.#fallBack()
    changed(this)
    const { failures, retryAtMs, isGivenUp } = this.#pauses
    if (isGivenUp) {
      logger.info({ destination, reason }, 'a server took nothing for 30 days; it is sent nothing until it is heard of')
      backlog.giveUp(destination)
    } else logger.debug({ destination, reason, status, failures, retryAtMs }, 'a server took no transaction')
  }

  #logRefused(answer: JsonValue): void {
    const refused = refusedIn(answer)
    if (refused.length === 0) return
    const some = Object.fromEntries(refused.slice(0, 5))
    this.#parts.logger.info({ destination: this.server, count: refused.length, some }, 'a server refused events')
  }
}
