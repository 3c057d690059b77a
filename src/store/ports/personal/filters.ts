import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

export interface FiltersReader {
  /** The filter as its owner sent it, as JSON text. */
  filter(user: UserNumber, filterId: number): Promise<string | undefined>
}

export interface NewFilter {
  readonly user: UserNumber
  readonly filterJson: string
  /** The same for equal filters; unequal ones differ. */
  readonly digest: string
  /** The user's oldest filters go where there would be more. */
  readonly keep: number
}

export interface FiltersWriter {
  /** Answers the filter's id, counted for each user from 1; a filter that is already there keeps the id it has. */
  add(filter: NewFilter): Change<number>
  /** For accounts that end. */
  removeAll(user: UserNumber): Change<void>
}
