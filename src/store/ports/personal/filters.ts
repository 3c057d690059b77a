import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

export interface FiltersReader {
  /** The filter as its owner sent it, JSON text. */
  filter(user: UserNumber, filterId: number): Promise<string | undefined>
}

export interface NewFilter {
  readonly user: UserNumber
  readonly filterJson: string
  /** A hash of the filter: equal filters have equal digests. */
  readonly digest: string
  /** Filters that the user may have; beyond it the oldest are removed. */
  readonly keep: number
}

export interface FiltersWriter {
  /** Returns the filter's id, counted for each user from 1; a filter that exists already keeps its id. */
  add(filter: NewFilter): Change<number>
  /** Removes all filters of an account that is deactivated. */
  removeAll(user: UserNumber): Change<void>
}
