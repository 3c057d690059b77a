import type { Soon } from '#base'
import type { JsonObject, Membership, RoomId, UserId } from '#spec'
import type { MembershipRecord, RoomNumber, StoredEvent } from '#store'
import type { News, Positions, ToldPositions } from '#streams'
import type { EventsViewer } from '../events/event-texts.ts'
import type { EventsByRoom } from '../known/stream-news.ts'
import type { RoomsOfUser } from '../known/user-rooms.ts'
import type { WireForm } from './request.ts'

/** A room that this answer tells. */
export interface AnsweredRoom {
  readonly record: MembershipRecord
  readonly membership: Membership
  /** Everything is told from the beginning: the client does not have the room, or is to replace what it has. */
  readonly initial: boolean
  /** More of the timeline is told than before. */
  readonly expanded: boolean
  /** Events of the answer, oldest first. */
  readonly timeline: readonly StoredEvent[]
}

/** The rooms that extensions for rooms tell of: those in the ranges of lists, and those subscribed to. */
export interface RoomScope {
  /** The rooms of this answer. */
  readonly answered: ReadonlyMap<RoomNumber, AnsweredRoom>
  /**
   * The rooms in scope that were not when the client's position was made, with the positions up to which the connection knows each: undefined for one that it
   * never had. All others in scope are known up to `since` of the window.
   */
  readonly entered: ReadonlyMap<RoomNumber, Positions | undefined>
  /** Rooms in scope, all of them: as many as the ranges are long. For a first answer; later ones ask `has` about what changed. */
  all(): Iterable<RoomNumber>
  has(room: RoomNumber): boolean
  /** The names of the lists in whose range the room is. */
  listsOf(room: RoomNumber): readonly string[]
  isSubscribed(room: RoomNumber): boolean
  roomId(room: RoomNumber): RoomId | undefined
  membership(room: RoomNumber): Membership | undefined
}

/** The extent of one answer, as an extension sees it. */
export interface ExtensionWindow {
  readonly form: WireForm
  readonly viewer: EventsViewer & { readonly device: number }
  /**
   * The client knows everything up to here; undefined: nothing. It is undefined too where the extension was not asked for in the request before, so what
   * it then tells is a beginning.
   */
  readonly since: ToldPositions | undefined
  /** The positions of the request's `pos`, whatever was asked for in the request before. */
  readonly pos: ToldPositions | undefined
  readonly now: Positions
  readonly ignored: ReadonlySet<UserId>
  /** Empty for a connection without lists and subscriptions. */
  readonly scope: RoomScope
  /** All rooms of the user. Asked for only by who needs them: a connection of keys and messages between devices does not touch a room as long as nobody moved. */
  rooms(): Promise<RoomsOfUser>
  /** The events since `pos` by room, for all who ask alike; undefined where they are not at hand. */
  events(): Promise<EventsByRoom | undefined>
}

export interface ExtensionAnswer {
  /** The member's value, a JSON text, in the wire form of the window; undefined: the member is left out. */
  readonly text: string | undefined
  /** Ends the wait of a long poll. */
  readonly isNews: boolean
  /** The positions up to which the extension told its streams, where it left some of the window for the next answer; and what it told besides. */
  readonly reached?: Partial<ToldPositions>
  /** Rooms in which the client was now told that somebody types; those of `ToldPositions`. */
  readonly typingIn?: readonly RoomNumber[]
}

export const NO_NEWS: ExtensionAnswer = { text: undefined, isNews: false }

/**
 * One extension of sliding sync, made for both wire forms. Extensions do not know each other, and keep nothing between two requests: what they have told
 * follows from the positions.
 */
export interface SlidingExtension<Config extends object = object> {
  /** Its member in `extensions`, of the request and of the answer. */
  readonly name: string
  /** Other names by which requests may ask for it; the answer comes under the same one. */
  readonly aliases?: readonly string[]
  /** Reads the member of the request. undefined: not asked for, as `enabled` is false. Throws `M_INVALID_PARAM`, before anything else is done. */
  parse(member: JsonObject, form: WireForm): Config | undefined
  /** Called once for each request, before it is answered: for what a request acknowledges. */
  begin?(config: Config, viewer: ExtensionWindow['viewer']): Promise<void>
  /** Whether the news may concern it: other news does not wake a connection that waits for this extension alone. */
  concerns(news: News): boolean
  /** No promise where it is at hand that there is nothing to tell: many thousand connections wake at one message. */
  read(config: Config, window: ExtensionWindow): Soon<ExtensionAnswer>
}
