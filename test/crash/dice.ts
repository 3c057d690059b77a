/** A small generator of numbers that anybody can run again from its seed (mulberry32). */
export class Dice {
  readonly seed: number
  #state: number

  constructor(seed: number) {
    this.seed = seed >>> 0
    this.#state = this.seed
  }

  /** From 0 up to, not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.between(0, items.length - 1)]
    if (item === undefined) throw new Error('there is nothing to pick from')
    return item
  }

  chance(of: number): boolean {
    return this.next() < of
  }

  /** Another one, so that what runs at the same time does not take numbers from each other. */
  fork(): Dice {
    return new Dice(Math.floor(this.next() * 2 ** 32))
  }
}

/** `HOMEROOM_TEST_SEED` repeats the choices of an earlier run; not its timing. */
export const seedOfRun = (): number => {
  const given = process.env.HOMEROOM_TEST_SEED
  return given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given)
}

/** How many kills: `HOMEROOM_TEST_KILLS`, else 100 in the gate and 10 by hand. */
export const killsOfRun = (): number => {
  const given = process.env.HOMEROOM_TEST_KILLS
  if (given !== undefined) return Number(given)
  return process.env.CI === 'true' ? 100 : 10
}
