import type { Clock } from '#base'

/** The average time of recent syncs above which the disk is too slow to be waited for in the serving thread. */
const SLOW_MS = 1.5
/** A single sync that takes so long is enough. */
const STALL_MS = 25
/** One sync counts in the average as at most this long, so that a few late ones do not decide. */
const COUNTED_MS = 8
/** Syncs over which the average goes, roughly. */
const WINDOW = 16
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 120_000

/** Watches how long syncs take, and says whether the serving thread may wait for one. After a slow time it may not for a pause, which doubles if the disk is still slow then. */
export class DiskWatch {
  readonly #clock: Clock
  #averageMs = 0
  #pauseMs = FIRST_PAUSE_MS
  #pausedUntilMs = Number.NEGATIVE_INFINITY
  #quickInARow = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get quick(): boolean {
    return this.#clock.monotonicMs() >= this.#pausedUntilMs
  }

  /** Notes the time that one sync of the serving thread took. */
  took(ms: number): void {
    this.#averageMs += (Math.min(ms, COUNTED_MS) - this.#averageMs) / WINDOW
    if (ms > STALL_MS || this.#averageMs > SLOW_MS) {
      this.pause()
      return
    }
    // Only a disk that stayed quick for long is trusted as much as at first.
    if (++this.#quickInARow >= WINDOW * 64) this.#pauseMs = FIRST_PAUSE_MS
  }

  /** Notes that the serving thread should not write for a while. */
  pause(): void {
    this.#pausedUntilMs = this.#clock.monotonicMs() + this.#pauseMs
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
    this.#quickInARow = 0
    // The next tries count from the middle: a disk that is still slow is found out soon.
    this.#averageMs = SLOW_MS / 2
  }
}
