import { Chore, type Clock, type Logger } from '#base'
import { MatrixError, type RoomId } from '#spec'
import type { Commit, DelayedEvent, DelayedEventsReader, DelayedEventsWriter } from '#store'
import { errorJsonOf, type SendDelayed } from './send-delayed.ts'

export interface DueEventsParts {
  readonly reader: Pick<DelayedEventsReader, 'due' | 'nextDueMs'>
  readonly writer: Pick<DelayedEventsWriter, 'forget'>
  readonly commit: Commit
  readonly sending: SendDelayed
  /** Counts one event of the user against what they may send. Throws `M_LIMIT_EXCEEDED`. */
  readonly limit: { consume(userId: string): Promise<void> }
  readonly clock: Clock
  readonly logger: Logger
}

/** The longest between two looks: for events that another process scheduled, and where the machine's clock was set. */
const EVERY_MS = 60_000
const AT_ONCE = 100
/** After a round in which the database or a room could not be written. */
const AGAIN_MS = 1_000
const KEPT_MS = 7 * 24 * 3_600_000
const FORGET_EVERY_MS = 3_600_000

/**
 * Sends the delayed events that are due: those of one room in the order of their times, several rooms at once. It sleeps until the next one is due, so an
 * idle server asks its database once a minute. One process at a time does this.
 */
export class DueEvents {
  readonly #parts: DueEventsParts
  readonly #chore: Chore
  #wakeAtMs = Number.POSITIVE_INFINITY
  #cancel: (() => void) | undefined
  #forgotAtMs = 0

  constructor(parts: DueEventsParts) {
    this.#parts = parts
    this.#chore = new Chore({
      clock: parts.clock,
      logger: parts.logger,
      everyMs: EVERY_MS,
      failure: 'delayed events could not be sent; tried again',
      round: () => this.#round(),
    })
  }

  /** Sends what became due while no process ran, and goes on. */
  start(): void {
    this.#chore.start()
  }

  /** Resolves when the events under way are sent. */
  async stop(): Promise<void> {
    this.#sleep()
    await this.#chore.stop()
    this.#sleep()
  }

  /** An event is due at that time. */
  due(atMs: number): void {
    if (this.#chore.stopped || atMs >= this.#wakeAtMs) return
    this.#sleep()
    const { clock } = this.#parts
    this.#wakeAtMs = atMs
    const waitMs = Math.min(EVERY_MS, Math.max(0, atMs - clock.nowMs()))
    this.#cancel = clock.after(waitMs, () => {
      this.#sleep()
      this.#chore.hurry()
    })
  }

  #sleep(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#wakeAtMs = Number.POSITIVE_INFINITY
  }

  async #round(): Promise<void> {
    const { reader, clock } = this.#parts
    try {
      await this.#forget()
      for (;;) {
        if (this.#chore.stopped) return
        const due = await reader.due(clock.nowMs(), AT_ONCE)
        if (due.length === 0) break
        await this.#sendAll(due)
      }
      const next = await reader.nextDueMs()
      if (next !== undefined) this.due(next)
    } catch (error) {
      this.due(clock.nowMs() + AGAIN_MS)
      throw error
    }
  }

  /** Throws if one of them could not be sent for a reason that may pass; the others are sent all the same. */
  async #sendAll(due: readonly DelayedEvent[]): Promise<void> {
    const rooms = new Map<RoomId, DelayedEvent[]>()
    for (const event of due) {
      const listed = rooms.get(event.roomId)
      if (listed === undefined) rooms.set(event.roomId, [event])
      else listed.push(event)
    }
    const outcomes = await Promise.allSettled(
      [...rooms.values()].map(async (events) => {
        for (const event of events) await this.#sendOne(event)
      }),
    )
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        throw new Error('a delayed event could not be sent', { cause: outcome.reason as unknown })
  }

  async #sendOne(event: DelayedEvent): Promise<void> {
    const { sending, limit } = this.#parts
    try {
      await limit.consume(event.userId)
      await sending.send(event)
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
      // "The homeserver SHOULD NOT retry": whoever scheduled it reads why.
      await sending.finalise(event.delayId, { kind: 'failed', errorJson: errorJsonOf(error) })
    }
  }

  async #forget(): Promise<void> {
    const { commit, writer, clock } = this.#parts
    if (clock.monotonicMs() - this.#forgotAtMs < FORGET_EVERY_MS && this.#forgotAtMs !== 0) return
    this.#forgotAtMs = clock.monotonicMs()
    await this.#chore.inPieces(async () => {
      const [gone] = await commit([writer.forget(clock.nowMs() - KEPT_MS, AT_ONCE)])
      return gone === AT_ONCE
    })
  }
}
