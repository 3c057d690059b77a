import type { Soon } from '#base'
import type { CompiledFilter } from '#rules'
import type { Positions, ToldPositions } from '#streams'
import type { EventsViewer } from '../events/event-texts.ts'
import type { WindowNews } from '../known/stream-news.ts'
import type { RoomsOfUser } from '../known/user-rooms.ts'
import type { Window } from '../known/window.ts'

/**
 * The section with a room's state: `state` is that before the timeline, the others that after it (v1.16; clients ask by the name of the time before,
 * MSC4222, whatever `/versions` says).
 */
export type StateSection = 'state' | 'state_after' | 'org.matrix.msc4222.state_after'

/** `GET /sync`, parsed. */
export interface SyncRequest {
  readonly syncer: EventsViewer
  readonly since: ToldPositions | undefined
  readonly filter: CompiledFilter
  readonly fullState: boolean
  readonly stateSection: StateSection
  readonly timeoutMs: number
}

export interface SyncWindow extends Window {
  readonly filter: CompiledFilter
  readonly fullState: boolean
  readonly stateSection: StateSection
  readonly rooms: RoomsOfUser
  readonly news: WindowNews
}

export interface PartAnswer {
  /** Members of the answer's JSON object. */
  readonly text: string
  /** Ends the wait of a long poll. */
  readonly isNews: boolean
  /** The positions up to which the part told its streams, where it left some of the window for the next answer. */
  readonly reached?: Partial<Positions>
}

export interface Piece {
  /** A part of the members of the answer's JSON object. */
  readonly text: string
  /** Ends the wait of a long poll. */
  readonly isNews: boolean
}

/** A part that may be too long to be held whole. It is made piece by piece, and the next one when there is room to send it. */
export interface StreamedPart {
  /** The part's text where nothing is new; empty for one that is then left out. */
  readonly empty: string
  /** Whether a look at the window tells that nothing is new. */
  isEmpty?(window: SyncWindow): boolean
  /** The part's whole text where that is short and at hand, as nearly always to somebody who waits; undefined: it is to be made in pieces. */
  brief?(window: SyncWindow): Soon<Piece | undefined>
  /** None at all for a part that is left out. */
  pieces(window: SyncWindow): AsyncGenerator<Piece, void, undefined>
}

/** One part of the answer to `GET /sync`. Parts do not know each other. */
export interface SyncPart {
  /** The part's text where nothing is new. */
  readonly empty: string
  /** The same where it depends on who asks. */
  unchanged?(request: SyncRequest): Soon<string>
  look(window: SyncWindow): Soon<PartAnswer>
}
