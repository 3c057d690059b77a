import { type Clock, yieldToEventLoop } from '#base'
import type { StoredEvent } from '#store'

/** The most events of one page, whatever the client asked for. */
export const MAX_PAGE_EVENTS = 500
/** Events that are hidden or filtered away must not make one request read a room's whole history. */
const MAX_SCANNED_EVENTS = 4_000
const READ_AT_ONCE = 200
/** A page of the largest events there can be is cut short. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024

export interface PageWant {
  /** Reads on behind the last event read, from the beginning where there is none. Fewer events than asked for are the last ones. */
  read(last: StoredEvent | undefined, limit: number): Promise<readonly StoredEvent[]>
  readonly limit: number
  passes(event: StoredEvent): boolean
  /** Called with events before `passes` is asked about them. */
  learn(events: readonly StoredEvent[]): Promise<void>
}

export interface TimelinePage {
  /** In the order in which they were read. */
  readonly events: readonly StoredEvent[]
  /** The first and the last event read, whether it passed or not; undefined where there was none. */
  readonly first: StoredEvent | undefined
  readonly last: StoredEvent | undefined
  /** Nothing lies beyond `last`. */
  readonly complete: boolean
}

/** Reads until the page is full, nothing is left, or enough was read for one request. */
export const readPage = async (want: PageWant, clock: Clock): Promise<TimelinePage> => {
  const found: StoredEvent[] = []
  const limit = Math.min(want.limit, MAX_PAGE_EVENTS)
  let sizeBytes = 0
  let first: StoredEvent | undefined
  let last: StoredEvent | undefined
  let scanned = 0
  while (found.length < limit && scanned < MAX_SCANNED_EVENTS) {
    const size = scanned === 0 ? Math.min(limit, READ_AT_ONCE) : READ_AT_ONCE
    const events = await want.read(last, size)
    await want.learn(events)
    for (const event of events) {
      first ??= event
      last = event
      scanned++
      if (!want.passes(event)) continue
      found.push(event)
      sizeBytes += event.json.length
      if (found.length >= limit || sizeBytes >= MAX_PAGE_BYTES) return { events: found, first, last, complete: false }
    }
    if (events.length < size) return { events: found, first, last, complete: true }
    await yieldToEventLoop(clock)
  }
  return { events: found, first, last, complete: false }
}
