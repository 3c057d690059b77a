/**
 * Limits how much work runs at a time, in all and of each key, first come, first served but for keys that have their share already. Nothing is refused: callers
 * bound what waits.
 */
export class FairWork<Key> {
  readonly #limits: { readonly concurrency: number; readonly ofOneKey: number }
  readonly #running = new Map<Key, number>()
  readonly #waiting: { readonly key: Key; readonly go: () => void }[] = []
  #count = 0

  constructor(limits: { readonly concurrency: number; readonly ofOneKey: number }) {
    this.#limits = limits
  }

  async run<Result>(key: Key, work: () => Promise<Result>): Promise<Result> {
    if (this.#mayRun(key)) this.#begin(key)
    else await new Promise<void>((go) => this.#waiting.push({ key, go }))
    try {
      return await work()
    } finally {
      this.#end(key)
    }
  }

  #mayRun(key: Key): boolean {
    return this.#count < this.#limits.concurrency && (this.#running.get(key) ?? 0) < this.#limits.ofOneKey
  }

  #begin(key: Key): void {
    this.#count++
    this.#running.set(key, (this.#running.get(key) ?? 0) + 1)
  }

  #end(key: Key): void {
    this.#count--
    const left = (this.#running.get(key) ?? 1) - 1
    if (left === 0) this.#running.delete(key)
    else this.#running.set(key, left)
    const next = this.#waiting.findIndex((waiting) => this.#mayRun(waiting.key))
    const [chosen] = next === -1 ? [] : this.#waiting.splice(next, 1)
    if (chosen === undefined) return
    this.#begin(chosen.key)
    chosen.go()
  }
}
