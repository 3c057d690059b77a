import type { Clock, Logger } from '#base'
import type { Commit } from './ports/engine/change.ts'
import type { LeasesWriter } from './ports/processes/leases.ts'

/** Work that only one process of a homeserver does at a time. */
export interface LeasedWork {
  /** Begins the work: this process holds the lease. May be called again after `stop`. */
  start(): void
  /** Stops the work. Another process may have begun it already. */
  stop(): Promise<void>
}

export interface LeasesParts {
  readonly writer: LeasesWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
  /** Name of this process; no other process that runs at the same time may have it. */
  readonly owner: string
  /** Time after which another process takes over from a crashed one. A lease is renewed three times in it. */
  readonly lifetimeMs: number
}

interface Lease {
  readonly name: string
  readonly work: LeasedWork
  /** On the monotonic clock; undefined: not held. */
  heldUntilMs: number | undefined
  /** Settles with the last call of `stop`. */
  ended: Promise<void>
}

/**
 * Divides work among the processes of a homeserver. Each piece of work has a lease in the database; one process holds and renews it,
 * and the others keep trying to take it. A process that could not renew a lease in time stops the work by itself. The machines' clocks must agree
 * within a few seconds.
 */
export class Leases {
  readonly #parts: LeasesParts
  readonly #leases: Lease[] = []
  #cancel: (() => void) | undefined
  #cancelWatch: (() => void) | undefined
  #running: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(parts: LeasesParts) {
    this.#parts = parts
  }

  /** Registers a piece of work; only before `start`. */
  add(name: string, work: LeasedWork): void {
    this.#leases.push({ name, work, heldUntilMs: undefined, ended: Promise.resolve() })
  }

  /** Takes the leases that are free, and resolves when their work has begun. Never throws. */
  start(): Promise<void> {
    this.#running = this.#round()
    return this.#running
  }

  /** Ends all work and gives the leases back. Has to be called before the store closes. Never throws. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#running
    this.#cancelWatch?.()
    const held = this.#leases.filter(({ heldUntilMs }) => heldUntilMs !== undefined)
    for (const lease of this.#leases) this.#lose(lease)
    await Promise.all(this.#leases.map(({ ended }) => ended))
    const { commit, writer, owner, logger } = this.#parts
    try {
      if (held.length > 0) await commit(held.map(({ name }) => writer.release(name, owner)))
    } catch (err) {
      logger.warn({ err }, 'leases could not be given back; other processes wait until they run out')
    }
  }

  async #round(): Promise<void> {
    const { clock, lifetimeMs, logger } = this.#parts
    try {
      await this.#hold()
    } catch (err) {
      logger.warn({ err }, 'leases could not be renewed; tried again')
      this.#loseOverdue()
    }
    if (!this.#stopped) this.#cancel = clock.after(lifetimeMs / 3, () => void this.start())
  }

  async #hold(): Promise<void> {
    const { clock, lifetimeMs, commit, writer, owner } = this.#parts
    const nowMs = clock.nowMs()
    const untilMs = nowMs + lifetimeMs
    const heldUntilMs = clock.monotonicMs() + lifetimeMs
    const answers = await commit(this.#leases.map(({ name }) => writer.hold({ name, owner, nowMs, untilMs })))
    // An answer that took longer than the lease lasts is worth nothing.
    const isLate = clock.monotonicMs() >= heldUntilMs
    this.#cancelWatch?.()
    this.#cancelWatch = clock.after(Math.max(0, heldUntilMs - clock.monotonicMs()), () => this.#loseOverdue())
    for (const [index, lease] of this.#leases.entries()) {
      if (answers[index] === true && !isLate) await this.#gain(lease, heldUntilMs)
      else this.#lose(lease)
    }
  }

  async #gain(lease: Lease, heldUntilMs: number): Promise<void> {
    const isNew = lease.heldUntilMs === undefined
    lease.heldUntilMs = heldUntilMs
    if (!isNew) return
    await lease.ended
    if (!this.#stopped) lease.work.start()
  }

  #lose(lease: Lease): void {
    if (lease.heldUntilMs === undefined) return
    lease.heldUntilMs = undefined
    const { logger } = this.#parts
    lease.ended = lease.work.stop().catch((err: unknown) => {
      logger.error({ err, lease: lease.name }, 'work that another process takes over did not end well')
    })
  }

  #loseOverdue(): void {
    const nowMs = this.#parts.clock.monotonicMs()
    for (const lease of this.#leases) if ((lease.heldUntilMs ?? Number.POSITIVE_INFINITY) <= nowMs) this.#lose(lease)
  }
}
