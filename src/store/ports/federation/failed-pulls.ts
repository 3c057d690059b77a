import type { EventId, ServerName } from '#spec'
import type { Change } from '../engine/change.ts'

/** An event that a server could not give. */
export interface FailedPull {
  readonly eventId: EventId
  readonly server: ServerName
  readonly tries: number
  /** No earlier attempt. */
  readonly untilMs: number
}

export interface FailedPullsReader {
  /** Of these events at that server. */
  failedPulls(server: ServerName, eventIds: readonly EventId[]): Promise<readonly FailedPull[]>
}

export interface FailedPullsWriter {
  /** Counts a failure of each event; `untilMs` of the n-th is `nowMs` and `waitMs` doubled n - 1 times, at most `maxWaitMs`. */
  failed(pull: {
    readonly server: ServerName
    readonly eventIds: readonly EventId[]
    readonly nowMs: number
    readonly waitMs: number
    readonly maxWaitMs: number
  }): Change<void>
  /** The events came. */
  came(eventIds: readonly EventId[]): Change<void>
  /** Forgets failures whose time was over before that, at most so many. Returns the number. */
  forget(beforeMs: number, limit: number): Change<number>
}
