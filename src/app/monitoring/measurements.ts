import { monitorEventLoopDelay } from 'node:perf_hooks'
import process from 'node:process'
import type { Clock } from '#base'
import type { RequestCounts } from '#http'

const EVERY_MS = 15_000
/** The first values come soon after a start, so that the page is not empty for long. */
const FIRST_MS = 2_000
/** One hour. */
const KEPT = 240
/** The delay of the event loop is sampled this often. */
const DELAY_RESOLUTION_MS = 20
const SIZE_EVERY = 4

/** Numbers that are read as they are at the moment. */
export interface Gauges {
  waiting(): number
  commitQueue(): number
  federationQueue(): number
  databaseBytes(): Promise<number>
}

export interface MeasurementsParts {
  readonly clock: Clock
  readonly counts: RequestCounts
  readonly gauges: Gauges
}

const NAMES = [
  'requestsPerSecond',
  'failuresPerMinute',
  'sendsPerSecond',
  'answerMs',
  'waiting',
  'loopDelayMs',
  'cpuShare',
  'residentBytes',
  'databaseBytes',
  'commitQueue',
  'federationQueue',
] as const

export type Measured = (typeof NAMES)[number]

/** The newest `KEPT` values of a number, oldest first. */
class Series {
  readonly #values = new Float64Array(KEPT).fill(Number.NaN)
  #next = 0

  add(value: number): void {
    this.#values[this.#next] = value
    this.#next = (this.#next + 1) % KEPT
  }

  /** undefined: not measured. */
  values(): readonly (number | undefined)[] {
    const ordered = [...this.#values.subarray(this.#next), ...this.#values.subarray(0, this.#next)]
    return ordered.map((value) => (Number.isNaN(value) ? undefined : value))
  }
}

/** Counters that only grow, as they were at a moment. */
interface Mark {
  readonly atMs: number
  readonly answered: number
  readonly failed: number
  readonly sent: number
  readonly prompt: number
  readonly promptMs: number
  readonly cpuMicros: number
}

/**
 * How this process was in the last hour, for the first page of the administration. Every fifteen seconds some counters are looked at; nothing
 * is done for a single request. Kept in memory, a few kilobytes.
 */
export class Measurements {
  readonly #parts: MeasurementsParts
  readonly #series = new Map<Measured, Series>(NAMES.map((name) => [name, new Series()]))
  readonly #startedMs: number
  #delay: ReturnType<typeof monitorEventLoopDelay> | undefined
  #mark: Mark
  #round = 0
  #databaseBytes = Number.NaN
  #cancel: (() => void) | undefined

  constructor(parts: MeasurementsParts) {
    this.#parts = parts
    this.#startedMs = parts.clock.nowMs()
    this.#mark = this.#now()
  }

  get startedMs(): number {
    return this.#startedMs
  }

  start(): void {
    this.#delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
    this.#delay.enable()
    this.#readSize()
    this.#later(FIRST_MS)
  }

  stop(): void {
    this.#cancel?.()
    this.#delay?.disable()
  }

  /** The values of the last hour, and the time between two. */
  series(): { readonly everyMs: number; readonly values: Readonly<Record<Measured, readonly (number | undefined)[]>> } {
    const values = Object.fromEntries([...this.#series].map(([name, series]) => [name, series.values()]))
    return { everyMs: EVERY_MS, values: values as Record<Measured, readonly (number | undefined)[]> }
  }

  /** Measures now. */
  measure(): void {
    const before = this.#mark
    const now = this.#now()
    const seconds = (now.atMs - before.atMs) / 1_000
    if (seconds <= 0) return
    this.#mark = now
    const { gauges } = this.#parts
    const prompt = now.prompt - before.prompt
    const measured: Readonly<Record<Measured, number>> = {
      requestsPerSecond: (now.answered - before.answered) / seconds,
      failuresPerMinute: ((now.failed - before.failed) / seconds) * 60,
      sendsPerSecond: (now.sent - before.sent) / seconds,
      answerMs: prompt === 0 ? 0 : (now.promptMs - before.promptMs) / prompt,
      waiting: gauges.waiting(),
      loopDelayMs: this.#loopDelayMs(),
      cpuShare: (now.cpuMicros - before.cpuMicros) / 1e6 / seconds,
      residentBytes: process.memoryUsage.rss(),
      databaseBytes: this.#databaseBytes,
      commitQueue: gauges.commitQueue(),
      federationQueue: gauges.federationQueue(),
    }
    for (const [name, series] of this.#series) series.add(measured[name])
  }

  #later(afterMs: number): void {
    this.#cancel = this.#parts.clock.after(afterMs, () => {
      this.measure()
      this.#round += 1
      if (this.#round % SIZE_EVERY === 0) this.#readSize()
      this.#later(EVERY_MS)
    })
  }

  /** The 99th percentile of the waits since the last reading; the timer that measures them is not one of them. */
  #loopDelayMs(): number {
    if (this.#delay === undefined) return 0
    const ms = Math.max(0, this.#delay.percentile(99) / 1e6 - DELAY_RESOLUTION_MS)
    this.#delay.reset()
    return ms
  }

  #readSize(): void {
    this.#parts.gauges.databaseBytes().then(
      (size) => {
        this.#databaseBytes = size
      },
      () => {
        this.#databaseBytes = Number.NaN
      },
    )
  }

  #now(): Mark {
    const { answered, failed, sent, prompt, promptMs } = this.#parts.counts
    const { user, system } = process.cpuUsage()
    return { atMs: this.#parts.clock.monotonicMs(), answered, failed, sent, prompt, promptMs, cpuMicros: user + system }
  }
}
