/**
 * A lock for each key, first come, first served. Keys that are not locked need no memory.
 * Work that throws releases the lock like work that returns.
 */
export class KeyedLock<Key> {
  readonly #tails = new Map<Key, Promise<unknown>>()

  get size(): number {
    return this.#tails.size
  }

  isFree(key: Key): boolean {
    return !this.#tails.has(key)
  }

  async run<Result>(key: Key, turn: () => Promise<Result>): Promise<Result> {
    const before = this.#tails.get(key)
    const mine = before === undefined ? turn() : before.then(turn, turn)
    this.#tails.set(key, mine)
    try {
      return await mine
    } finally {
      if (this.#tails.get(key) === mine) this.#tails.delete(key)
    }
  }
}
