import { Chore, type Clock, type Logger } from '#base'
import type { EventId, ServerName } from '#spec'
import type { Commit, FailedPullsReader, FailedPullsWriter } from '#store'

export interface PullMemoryParts {
  readonly reader: FailedPullsReader
  readonly writer: FailedPullsWriter
  readonly commit: Commit
  readonly clock: Clock
}

/** After the first failure; doubled after each further one. */
const WAITS = { waitMs: 60_000, maxWaitMs: 24 * 3_600_000 }
/** The same where the server was away: it may be back in a moment. */
const WAITS_WHILE_AWAY = { waitMs: 2_000, maxWaitMs: 300_000 }
/** An event that waits for others may wait so long for them. */
const SOON_MS = 15_000
const KEPT_MS = 7 * 24 * 3_600_000
const SWEEP_EVERY_MS = 3_600_000
const SWEPT_AT_ONCE = 1_000

/** Remembers which events a server could not give, over restarts, so that it is asked again only after a growing time. */
export class PullMemory {
  readonly #parts: PullMemoryParts

  constructor(parts: PullMemoryParts) {
    this.#parts = parts
  }

  /** Those of the events for which that server may be asked now. */
  async due(server: ServerName, eventIds: readonly EventId[]): Promise<readonly EventId[]> {
    if (eventIds.length === 0) return []
    const { reader, clock } = this.#parts
    const nowMs = clock.nowMs()
    const failures = await reader.failedPulls(server, eventIds)
    const early = new Set(failures.flatMap(({ eventId, untilMs }) => (untilMs > nowMs ? [eventId] : [])))
    return eventIds.filter((eventId) => !early.has(eventId))
  }

  /** Whether that server, left alone for now, may be asked in a moment for what it did not give: it was away then. */
  async isSoon(server: ServerName, eventIds: readonly EventId[]): Promise<boolean> {
    const nowMs = this.#parts.clock.nowMs()
    const failures = await this.#parts.reader.failedPulls(server, eventIds)
    const untilMs = failures.reduce((latest, failure) => Math.max(latest, failure.untilMs), 0)
    return untilMs > nowMs && untilMs <= nowMs + SOON_MS
  }

  /** `away`: the server said nothing of them, as it could not be reached. */
  async failed(server: ServerName, eventIds: readonly EventId[], { away = false } = {}): Promise<void> {
    if (eventIds.length === 0) return
    const { writer, commit, clock } = this.#parts
    const waits = away ? WAITS_WHILE_AWAY : WAITS
    await commit([writer.failed({ server, eventIds, nowMs: clock.nowMs(), ...waits })])
  }

  async came(eventIds: readonly EventId[]): Promise<void> {
    if (eventIds.length > 0) await this.#parts.commit([this.#parts.writer.came(eventIds)])
  }

  /** The work that forgets old failures. */
  sweep(logger: Logger): Chore {
    const { writer, commit, clock } = this.#parts
    return new Chore({
      ...{ clock, logger },
      everyMs: SWEEP_EVERY_MS,
      failure: 'old failures to get events could not be forgotten',
      round: (chore) =>
        chore.inPieces(async () => {
          const [count] = await commit([writer.forget(clock.nowMs() - KEPT_MS, SWEPT_AT_ONCE)])
          return count === SWEPT_AT_ONCE
        }),
    })
  }
}
