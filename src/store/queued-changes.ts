import { Contended, KeyedLock } from '#base'
import { WriteConflict } from './ports/engine/change.ts'

/** Only other processes get in between, as this one queues. */
const TRIES = 20

/**
 * Changes that read, compute and then compare and set. Those of one key follow each other in this process, in the order of the calls. One whose
 * base another process changed meanwhile runs again.
 */
export class QueuedChanges<Key> {
  readonly #turns = new KeyedLock<Key>()

  /** `change` reads, and commits what it computed from that; it may run more than once. Throws `Contended` after many conflicts. */
  run<Result>(key: Key, change: () => Promise<Result>): Promise<Result> {
    return this.#turns.run(key, async () => {
      for (let tries = 1; ; tries++) {
        try {
          return await change()
        } catch (error) {
          if (!(error instanceof WriteConflict)) throw error
          if (tries === TRIES) throw new Contended(`${tries} tries met a conflict: ${error.kind}`, { cause: error })
        }
      }
    })
  }
}
