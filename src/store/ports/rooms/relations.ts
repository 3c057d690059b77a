import type { EventId, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { EventNumber, HistoryPlace, RoomNumber, StoredEvent, UserNumber } from './events.ts'

/** The events that relate to one, as far as one look tells. Redacted events relate to nothing. */
export interface RelatedEvent {
  readonly eventId: EventId
  /** Whether there is a replacement of the event's own type, by its sender. */
  readonly edited: boolean
  readonly referenced: boolean
  readonly thread: { readonly replies: number; readonly latest: EventNumber } | undefined
}

/** Positions with `after` < position <= `upTo`. */
export interface Stretch {
  readonly after: number
  readonly upTo: number
}

/** The events that relate to one event, in the order of the room's history. */
export interface RelationsQuery {
  readonly room: RoomNumber
  readonly target: EventId
  /** Of direct relations alone. */
  readonly relType?: string | undefined
  readonly after?: HistoryPlace | undefined
  readonly upTo?: HistoryPlace | undefined
  readonly direction: 'forward' | 'backward'
  readonly limit: number
}

/** A candidate for the newest replacement of an event. */
export interface Replacement {
  readonly original: EventId
  readonly eventId: EventId
  readonly originServerTs: number
}

export interface ThreadReplies {
  readonly root: EventId
  readonly replies: number
  readonly latest: EventNumber
}

export interface ThreadRoot {
  readonly root: EventId
  readonly latest: EventNumber
  readonly participated: boolean
}

export interface RelationsReader {
  /** The events, among those given of whatever rooms, that are edited, referred to, or roots of threads. */
  relatedAmong(eventIds: readonly EventId[]): Promise<readonly RelatedEvent[]>
  /** The last few replacements of each event that are in the stretch, by its sender and of its type. */
  replacements(eventIds: readonly EventId[], stretch: Stretch): Promise<readonly Replacement[]>
  /** The last `limit` references to each event that are in the stretch, oldest first. */
  references(
    eventIds: readonly EventId[],
    stretch: Stretch,
    limit: number,
  ): Promise<readonly { readonly target: EventId; readonly eventId: EventId; readonly sender: UserId }[]>
  /** The replies of these senders, by thread. */
  repliesOf(
    room: RoomNumber,
    roots: readonly EventId[],
    senders: readonly UserId[],
  ): Promise<readonly (ThreadReplies & { readonly sender: UserId })[]>
  /** The newest reply of each thread that is by none of these senders. Off the event loop. */
  latestWithout(
    room: RoomNumber,
    roots: readonly EventId[],
    senders: readonly UserId[],
  ): Promise<readonly Pick<ThreadReplies, 'root' | 'latest'>[]>
  /** Counts the replies in the stretch that are by none of these senders, one by one. Off the event loop. */
  repliesIn(
    room: RoomNumber,
    roots: readonly EventId[],
    senders: readonly UserId[],
    stretch: Stretch,
  ): Promise<readonly ThreadReplies[]>
  eventsByNumber(events: readonly EventNumber[]): Promise<readonly StoredEvent[]>
  /** Events that relate to the target directly. */
  relations(query: RelationsQuery): Promise<readonly StoredEvent[]>
  /** Events that relate to the target by way of one or two others. */
  indirectRelations(query: RelationsQuery): Promise<readonly StoredEvent[]>
  /** Roots of the room's threads whose latest reply is before that event, newest reply first. */
  threads(room: RoomNumber, before: EventNumber, user: UserNumber, limit: number): Promise<readonly ThreadRoot[]>
  /** Whether the sender has annotated the event so. */
  isAnnotated(room: RoomNumber, target: EventId, sender: UserId, annotation: number): Promise<boolean>
  /** The type of the relation that an event of the room has itself. */
  ownRelType(room: RoomNumber, eventId: EventId): Promise<string | undefined>
}

export interface RelationsWriter {
  /** Looks through the next events of before there were relations, and returns whether there are more. */
  fillNext(span: number): Change<boolean>
}
