export interface HistogramValues {
  /** Upper bounds, inclusive; `counts` has one more for all above. */
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
  readonly count: number
  readonly sum: number
}

/** Counts values by size, for the metrics endpoint. */
export class Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #count = 0
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Array<number>(bounds.length + 1).fill(0)
  }

  add(value: number): void {
    const index = this.#bounds.findIndex((bound) => value <= bound)
    const slot = index < 0 ? this.#bounds.length : index
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1
    this.#count++
    this.#sum += value
  }

  values(): HistogramValues {
    return { bounds: this.#bounds, counts: [...this.#counts], count: this.#count, sum: this.#sum }
  }
}
