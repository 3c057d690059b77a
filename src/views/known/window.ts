import type { UserId } from '#spec'
import type { Positions, ToldPositions } from '#streams'
import type { EventsViewer } from '../events/event-texts.ts'

/** One answer for one user: everything with a position above `since` and not above `now`. */
export interface Window {
  readonly viewer: EventsViewer
  /** undefined: from the beginning. */
  readonly since: ToldPositions | undefined
  readonly now: Positions
  readonly ignored: ReadonlySet<UserId>
}
