import { type JsonObject, MatrixError, type ServerName } from '#spec'
import type { CheckedEvent } from '../graph/room-graph.ts'

export type { CheckedEvent } from '../graph/room-graph.ts'

/** An event that is dropped, with the reason for the sender. */
export interface CheckFailure {
  readonly failure: string
  /** The event is no canonical JSON, which is an error of its own (room version 6, "Canonical JSON"). */
  readonly badJson?: true
}

/** One signature to check: that of a server under an object. */
export interface SignedItem {
  readonly object: JsonObject
  /** The text that the signatures cover, where it is not the object itself without `signatures` and `unsigned`. */
  readonly text?: string
  readonly server: ServerName
  /** The key must have been valid then; 0 where that does not matter. */
  readonly validAtMs: number
}

/** Checks signatures of other servers in batches, and gets the keys that it lacks. */
export interface SignatureChecks {
  /** One answer an item: whether a valid signature of that server is there. */
  checkSigned(items: readonly SignedItem[]): Promise<readonly boolean[]>
}

export const isChecked = (outcome: CheckedEvent | CheckFailure): outcome is CheckedEvent => 'event' in outcome

/** The error for whoever sent one event in a request of its own. */
export const checkError = (failed: CheckFailure | undefined): MatrixError =>
  new MatrixError(failed?.badJson === true ? 'M_BAD_JSON' : 'M_INVALID_PARAM', failed?.failure ?? 'Not a valid event')
