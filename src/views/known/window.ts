import type { UserId } from '#spec'
import type { Positions } from '#streams'
import type { EventsViewer } from '../events/event-texts.ts'

/** One answer for one user: everything with a position above `since` and not above `now`. */
export interface Window {
  readonly viewer: EventsViewer
  /** undefined: from the beginning. */
  readonly since: Positions | undefined
  readonly now: Positions
  readonly ignored: ReadonlySet<UserId>
}
