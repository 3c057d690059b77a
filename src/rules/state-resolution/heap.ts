/** A binary heap: `pop` gives the least of its items. */
export class Heap<Item> {
  readonly #items: Item[] = []
  readonly #isLess: (left: Item, right: Item) => boolean

  constructor(isLess: (left: Item, right: Item) => boolean) {
    this.#isLess = isLess
  }

  get size(): number {
    return this.#items.length
  }

  push(item: Item): void {
    const items = this.#items
    let index = items.length
    items.push(item)
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = items[above]
      if (parent === undefined || !this.#isLess(item, parent)) break
      items[index] = parent
      index = above
    }
    items[index] = item
  }

  pop(): Item | undefined {
    const items = this.#items
    const least = items[0]
    const last = items.pop()
    if (items.length > 0 && last !== undefined) this.#sink(last)
    return least
  }

  /** Replaces the first item and moves the new one down to its place. */
  #sink(item: Item): void {
    const items = this.#items
    let index = 0
    for (;;) {
      const left = 2 * index + 1
      let below = left
      let child = items[left]
      const right = items[left + 1]
      if (child === undefined) break
      if (right !== undefined && this.#isLess(right, child)) {
        child = right
        below = left + 1
      }
      if (!this.#isLess(child, item)) break
      items[index] = child
      index = below
    }
    items[index] = item
  }
}
