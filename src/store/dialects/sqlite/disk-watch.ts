import type { Clock } from '#base'

/** A sync that takes longer keeps the serving thread from others. */
const SLOW_MS = 1.5
/** A pause is at first so many times as long as the time lost before it: others wait for a twentieth of the time at most. */
const FIRST_PATIENCE = 20
/** The same of a disk that is slow whenever it is tried. */
const LAST_PATIENCE = 2_000
/** With fewer quick syncs between two slow ones, the disk is slow rather than disturbed now and then. */
const FEW = 64
/** After so many quick syncs the disk is trusted as much as at first. */
const MANY = 512
const LONGEST_PAUSE_MS = 120_000
const LOCKED_PAUSE_MS = 1_000

/**
 * Watches how long syncs take, and says whether the serving thread may wait for one. After a slow one it may not for a pause that follows the time that was lost. Disks that are shared have a
 * stall of some 10 ms every few hundred syncs, which must not cost the many quick ones between.
 */
export class DiskWatch {
  readonly #clock: Clock
  #patience = FIRST_PATIENCE
  #pausedUntilMs = Number.NEGATIVE_INFINITY
  #quickInARow = MANY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get quick(): boolean {
    return this.#clock.monotonicMs() >= this.#pausedUntilMs
  }

  /** Notes the time that one sync of the serving thread took. */
  took(ms: number): void {
    if (ms <= SLOW_MS) {
      if (++this.#quickInARow >= MANY) this.#patience = FIRST_PATIENCE
      return
    }
    if (this.#quickInARow < FEW) this.#patience = Math.min(this.#patience * 2, LAST_PATIENCE)
    this.#quickInARow = 0
    this.#pauseFor((ms - SLOW_MS) * this.#patience)
  }

  /** Notes that another process held the file. */
  locked(): void {
    this.#pauseFor(LOCKED_PAUSE_MS)
  }

  #pauseFor(ms: number): void {
    this.#pausedUntilMs = this.#clock.monotonicMs() + Math.min(ms, LONGEST_PAUSE_MS)
  }
}
