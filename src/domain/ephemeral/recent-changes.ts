/** Tells which keys changed after a position. Each key counts once, at its newest position. */
export class RecentChanges<Key> {
  readonly #positions = new Map<Key, number>()
  /** In order of position; an entry whose key has changed again is stale. */
  #log: { readonly position: number; readonly key: Key }[] = []

  get size(): number {
    return this.#positions.size
  }

  /** Positions must not go back. */
  touch(key: Key, position: number): void {
    this.#positions.set(key, position)
    this.#log.push({ position, key })
    if (this.#log.length > 64 + 2 * this.#positions.size) this.#log = this.#log.filter((entry) => this.#isFresh(entry))
  }

  position(key: Key): number | undefined {
    return this.#positions.get(key)
  }

  forget(key: Key): void {
    this.#positions.delete(key)
  }

  /** Keys with `after` < position <= `upTo`, oldest first. */
  since(after: number, upTo: number): readonly Key[] {
    const keys: Key[] = []
    for (let index = this.#firstAfter(after); index < this.#log.length; index++) {
      const entry = this.#log[index]
      if (entry === undefined || entry.position > upTo) break
      if (this.#isFresh(entry)) keys.push(entry.key)
    }
    return keys
  }

  #isFresh({ key, position }: { readonly position: number; readonly key: Key }): boolean {
    return this.#positions.get(key) === position
  }

  #firstAfter(position: number): number {
    let low = 0
    let high = this.#log.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#log[middle]?.position ?? 0) > position) high = middle
      else low = middle + 1
    }
    return low
  }
}
