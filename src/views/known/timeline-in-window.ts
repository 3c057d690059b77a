import { type Clock, type Soon, yieldToEventLoop } from '#base'
import type { EventMatcher } from '#rules'
import type { EventId } from '#spec'
import type { EventsReader, RoomNumber, StoredEvent } from '#store'
import { filterable, readSizeOf } from '../events/filterable.ts'
import { relatedFilter } from '../events/related-filter.ts'
import { targetOf } from '../events/relation-of.ts'

/** The newest part of a room's timeline within a window. */
export interface TimelinePart {
  /** Oldest first. */
  readonly events: readonly StoredEvent[]
  /** Whether events of the window were left out before the first one. */
  readonly limited: boolean
  /** Position right before the first event: `/messages` goes on backwards from there, and `state` is the state there. */
  readonly start: number
  /**
   * The events to which those that were looked at relate. These are all events of the window from the first one of the part on, shown or not, so nothing
   * relates to an event of the part that is not in here.
   */
  readonly related: ReadonlySet<EventId>
  /** All that was read of the room for it, where that was one page. */
  readonly read: EventsRead | undefined
}

/** All events of a room after that position, up to the end of a window, oldest first. */
export interface EventsRead {
  readonly after: number
  readonly events: readonly StoredEvent[]
}

export interface TimelineWant {
  readonly room: RoomNumber
  /** undefined: from the beginning. */
  readonly after: number | undefined
  readonly upTo: number
  readonly limit: number
  readonly matcher: EventMatcher
  readonly mayShow: (event: StoredEvent) => Soon<boolean>
  /** Called with events before `mayShow` is asked about them. */
  readonly learn: (events: readonly StoredEvent[]) => Promise<void>
  /** All events of the room in the window, where they are in memory. */
  readonly held: readonly StoredEvent[] | undefined
}

const DEFAULT_TIMELINE_LIMIT = 10
const MAX_TIMELINE_LIMIT = 100
/** The most events of a room that are shown to one who filters so. */
export const timelineLimit = ({ limit = DEFAULT_TIMELINE_LIMIT }: { readonly limit?: number | undefined }): number =>
  Math.min(limit, MAX_TIMELINE_LIMIT)
/** A filter that lets little through must not make a sync read a room's whole history. */
const MAX_PAGES = 10
const MAX_PAGE = 128
const MAX_SCANNED_BYTES = 4 * 1024 * 1024

export const timelineInWindow = async (
  want: TimelineWant,
  reader: EventsReader,
  clock: Clock,
): Promise<TimelinePart> => {
  const filter = relatedFilter(want.matcher, reader)
  const passes = (event: StoredEvent): Soon<boolean> =>
    filter.passes(event) && want.matcher.event(filterable(event)) && want.mayShow(event)
  const found: StoredEvent[] = []
  const related = new Set<EventId>()
  let before = want.upTo + 1
  let complete = false
  let scannedBytes = 0
  // Most often one page is all, so the first is no larger than that takes.
  let size = want.limit + 1
  let read: EventsRead | undefined
  for (let page = 0; found.length <= want.limit && !complete; page++) {
    if (want.held === undefined && (page >= MAX_PAGES || scannedBytes >= MAX_SCANNED_BYTES)) break
    if (page > 0) await yieldToEventLoop(clock)
    const events = await pageBefore(want, before, size, reader)
    await want.learn(events)
    await filter.learn(events)
    for (const event of events) {
      const target = targetOf(event)
      if (target !== undefined) related.add(target)
      const passing = passes(event)
      if (passing instanceof Promise ? await passing : passing) found.push(event)
      scannedBytes += readSizeOf(event)
      if (found.length > want.limit) break
    }
    complete = events.length < size
    const oldest = complete ? (want.after ?? 0) : (events.at(-1)?.position ?? 0) - 1
    read = page === 0 ? { after: oldest, events: events.toReversed() } : undefined
    before = events.at(-1)?.position ?? before
    size = Math.min(MAX_PAGE, size * 2)
  }
  const events = found.slice(0, want.limit).reverse()
  const limited = found.length > want.limit || !complete
  const first = events[0]
  const start = first !== undefined ? first.position - 1 : limited ? want.upTo : (want.after ?? want.upTo)
  return { events, limited, start: limited || first === undefined ? start : (want.after ?? start), related, read }
}

/** Newest first. */
const pageBefore = (
  { room, after, held }: TimelineWant,
  before: number,
  limit: number,
  reader: EventsReader,
): Promise<readonly StoredEvent[]> | readonly StoredEvent[] => {
  if (held === undefined)
    return reader.timeline(room, { ...(after === undefined ? {} : { after }), before, direction: 'backward', limit })
  const end = held.findLastIndex(({ position }) => position < before) + 1
  return held.slice(Math.max(0, end - limit), end).reverse()
}
