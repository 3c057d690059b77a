import { type Clock, yieldToEventLoop } from '#base'
import type { EventMatcher } from '#rules'
import type { EventsReader, RoomNumber, StoredEvent } from '#store'
import { filterable, readSizeOf } from '../events/filterable.ts'

/** The newest part of a room's timeline within a window. */
export interface TimelinePart {
  /** Oldest first. */
  readonly events: readonly StoredEvent[]
  /** Whether events of the window were left out before the first one. */
  readonly limited: boolean
  /** Position right before the first event: `/messages` goes on backwards from there, and `state` is the state there. */
  readonly start: number
}

export interface TimelineWant {
  readonly room: RoomNumber
  /** undefined: from the beginning. */
  readonly after: number | undefined
  readonly upTo: number
  readonly limit: number
  readonly matcher: EventMatcher
  readonly mayShow: (event: StoredEvent) => boolean | Promise<boolean>
  /** Called with events before `mayShow` is asked about them. */
  readonly learn: (events: readonly StoredEvent[]) => Promise<void>
  /** All events of the room in the window, where they are in memory. */
  readonly held: readonly StoredEvent[] | undefined
}

export const DEFAULT_TIMELINE_LIMIT = 10
export const MAX_TIMELINE_LIMIT = 100
/** A filter that lets little through must not make a sync read a room's whole history. */
const MAX_PAGES = 10
const MAX_SCANNED_BYTES = 4 * 1024 * 1024

export const timelineInWindow = async (
  want: TimelineWant,
  reader: EventsReader,
  clock: Clock,
): Promise<TimelinePart> => {
  const passes = async (event: StoredEvent): Promise<boolean> =>
    want.matcher.event(filterable(event)) && want.mayShow(event)
  const found: StoredEvent[] = []
  let before = want.upTo + 1
  let complete = false
  let scannedBytes = 0
  for (let page = 0; page < MAX_PAGES && found.length <= want.limit && !complete; page++) {
    if (scannedBytes >= MAX_SCANNED_BYTES) break
    if (page > 0) await yieldToEventLoop(clock)
    const size = Math.max(20, want.limit + 1)
    const events =
      want.held === undefined
        ? await reader.timeline(want.room, {
            ...(want.after === undefined ? {} : { after: want.after }),
            before,
            direction: 'backward',
            limit: size,
          })
        : want.held.toReversed()
    await want.learn(events)
    scannedBytes += events.reduce((sum, event) => sum + readSizeOf(event), 0)
    for (const event of events) if (await passes(event)) found.push(event)
    complete = want.held !== undefined || events.length < size
    before = events.at(-1)?.position ?? before
  }
  const events = found.slice(0, want.limit).reverse()
  const limited = found.length > want.limit || !complete
  const first = events[0]
  const start = first !== undefined ? first.position - 1 : limited ? want.upTo : (want.after ?? want.upTo)
  return { events, limited, start: limited || first === undefined ? start : (want.after ?? start) }
}
