import type { MembershipRecord, StoredEvent } from '#store'
import type { MembershipInWindow } from '../../known/membership-in-window.ts'
import type { TimelinePart } from '../../known/timeline-in-window.ts'
import type { Window } from '../../known/window.ts'
import type { RequiredState, SlidingRequest } from '../request.ts'
import type { ReaderConfig } from './room-configs.ts'

/** A room that an answer may have to tell, with what the client knows of it. */
export interface PlannedRoom {
  readonly record: MembershipRecord
  readonly config: ReaderConfig
  /** The position of events up to which the client knows the room; undefined for one that it does not have. */
  readonly from: number | undefined
  /** More of the timeline is asked for than the client has. */
  readonly moreTimeline: boolean
  /** The state that was asked for before, where more may be asked for now; `unknown` where that is forgotten. */
  readonly before: readonly RequiredState[] | 'unknown' | undefined
  /** Whether the room is a direct chat, where the client does not know it. */
  readonly isDirect: boolean | undefined
  /** The same, whatever the client knows. */
  readonly direct: boolean
  /** The user's own receipts moved: the counts are told again. */
  readonly isRecounted: boolean
  /** The names of the lists in whose range it is. */
  readonly lists: readonly string[]
  /** All events after `from`, where they are in memory. */
  readonly events: readonly StoredEvent[] | undefined
}

/** One answer, as the rooms in it are written. */
export interface AnswerOfRooms {
  readonly request: SlidingRequest
  readonly window: Omit<Window, 'since'>
  readonly generation: number
  /** Tells one run of a connection from the next. */
  readonly run: number
}

/** A planned room with the user's membership in the answer's window. */
export interface MetRoom {
  readonly plan: PlannedRoom
  readonly member: MembershipInWindow
  readonly window: Window
  /** Everything is told: the client replaces what it has. */
  readonly initial: boolean
}

/** A room as it was written. */
export interface WrittenRoom {
  readonly initial: boolean
  readonly expanded: boolean
  readonly timeline: TimelinePart | undefined
  /** The members of the room's JSON object, in any order; undefined: there is no news in them. */
  readonly members: readonly string[] | undefined
}
