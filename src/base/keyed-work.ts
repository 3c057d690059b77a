import { BoundedWork } from './bounded-work.ts'

/** Bounded work of each key by itself: who asks for much waits for themselves. Keys without work need no memory. */
export class KeyedWork<Key> {
  readonly #limits: ConstructorParameters<typeof BoundedWork>[0]
  readonly #works = new Map<Key, { readonly work: BoundedWork; users: number }>()

  constructor(limits: ConstructorParameters<typeof BoundedWork>[0]) {
    this.#limits = limits
  }

  get size(): number {
    return this.#works.size
  }

  /** Throws `TooMuchWork` if too much of that key waits. */
  async run<Result>(key: Key, work: () => Promise<Result>): Promise<Result> {
    const held = this.#works.get(key) ?? { work: new BoundedWork(this.#limits), users: 0 }
    this.#works.set(key, held)
    held.users++
    try {
      return await held.work.run(work)
    } finally {
      if (--held.users === 0) this.#works.delete(key)
    }
  }
}
