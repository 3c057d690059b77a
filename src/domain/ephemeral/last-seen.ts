import type { Clock, Logger } from '#base'
import type { Commit, PresenceStoreWriter } from '#store'
import type { PresenceRecord } from './presence-record.ts'

const KEEP_AFTER_MS = 30_000
const MAX_KEPT_AT_ONCE = 500

export interface LastSeenParts {
  readonly clock: Clock
  readonly log: Logger
  readonly writer: PresenceStoreWriter
  readonly commit: Commit
}

/** Writes down when people were last active, many in one commit and not at once: losing half a minute of it hurts nobody. */
export class LastSeen {
  readonly #parts: LastSeenParts
  readonly #waiting = new Set<PresenceRecord>()
  #due = false

  constructor(parts: LastSeenParts) {
    this.#parts = parts
  }

  keepLater(record: PresenceRecord): void {
    this.#waiting.add(record)
    if (this.#due) return
    this.#due = true
    this.#parts.clock.after(KEEP_AFTER_MS, () => {
      this.flush()
        .catch((error: unknown) => this.#parts.log.warn({ err: error }, 'Presence could not be kept'))
        .finally(() => {
          this.#due = false
        })
    })
  }

  /** Throws what the store throws; what was not kept then waits on. */
  async flush(): Promise<void> {
    const { writer, commit } = this.#parts
    while (this.#waiting.size > 0) {
      const records = [...this.#waiting].slice(0, MAX_KEPT_AT_ONCE)
      for (const record of records) this.#waiting.delete(record)
      try {
        const kept = records.map(({ user, statusMsg, lastActiveMs }) => ({ user, statusMsg, lastActiveMs }))
        await commit([writer.keep(kept)])
      } catch (error) {
        for (const record of records) this.#waiting.add(record)
        throw error
      }
    }
  }
}
