import { type Clock, KeyedLock } from '#base'
import type { ShortLivedTable } from './short-lived-table.ts'

/** Work on the same key takes turns. */
export interface Turns {
  run<Result>(key: string, work: () => Promise<Result>): Promise<Result>
}

export interface SharedTurnsParts {
  /** The lifetime of its rows is the longest that a turn may last: after that the process is taken for dead, and the next turn begins. */
  readonly table: ShortLivedTable<object>
  readonly clock: Clock
  /** This process, where one object has all turns of the kind: a row of its own that nobody here works for is of a turn that was cut off. */
  readonly owner: string
}

const ASK_AGAIN_MS = 50

/** Turns that the processes of a homeserver share: a row for each key while a turn on it lasts. */
export class SharedTurns implements Turns {
  readonly #parts: SharedTurnsParts
  /** Turns of this process wait here, so that they do not all poll the database. */
  readonly #own = new KeyedLock<string>()

  constructor(parts: SharedTurnsParts) {
    this.#parts = parts
  }

  run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    return this.#own.run(key, async () => {
      const release = await this.#claim(key)
      try {
        return await work()
      } finally {
        await release()
      }
    })
  }

  async #claim(key: string): Promise<() => Promise<void>> {
    const { table, clock, owner } = this.#parts
    for (;;) {
      const release = await table.claim(key, owner)
      if (release !== undefined) return release
      await new Promise<void>((resolve) => clock.after(ASK_AGAIN_MS, resolve))
    }
  }
}
