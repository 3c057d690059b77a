/**
 * One turn at a time for each key, first come first served. Keys without waiters cost nothing.
 * A turn that throws passes the lock on like one that returns.
 */
export class KeyedLock<Key> {
  readonly #tails = new Map<Key, Promise<unknown>>()

  get size(): number {
    return this.#tails.size
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
