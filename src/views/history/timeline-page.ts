import { type Clock, yieldToEventLoop } from '#base'
import type { RoomNumber, RoomsReader, StoredEvent } from '#store'

/** The most events of one page, whatever the client asked for. */
export const MAX_PAGE_EVENTS = 500
/** Events that are hidden or filtered away must not make one request read a room's whole history. */
const MAX_SCANNED_EVENTS = 4_000
const READ_AT_ONCE = 200
/** A page of the largest events there can be is cut short. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024

export interface PageWant {
  readonly room: RoomNumber
  readonly direction: 'forward' | 'backward'
  /** Exclusive bounds, by position. */
  readonly after: number | undefined
  readonly before: number | undefined
  readonly limit: number
  readonly passes: (event: StoredEvent) => boolean
}

export interface TimelinePage {
  /** In the order of the direction. */
  readonly events: readonly StoredEvent[]
  /** Position of the first and of the last event read, whether it passed or not; undefined where there was none. */
  readonly first: number | undefined
  readonly last: number | undefined
  /** Nothing lies beyond `last`, within the bounds. */
  readonly complete: boolean
}

/** Reads in one direction until the page is full, the bounds are reached, or enough was read for one request. */
export const readPage = async (want: PageWant, reader: RoomsReader, clock: Clock): Promise<TimelinePage> => {
  const found: StoredEvent[] = []
  const limit = Math.min(want.limit, MAX_PAGE_EVENTS)
  let sizeBytes = 0
  let first: number | undefined
  let last: number | undefined
  let scanned = 0
  while (found.length < limit && scanned < MAX_SCANNED_EVENTS) {
    const size = scanned === 0 ? Math.min(limit, READ_AT_ONCE) : READ_AT_ONCE
    const events = await reader.timeline(want.room, {
      ...boundsFrom(want, last),
      direction: want.direction,
      limit: size,
    })
    for (const event of events) {
      first ??= event.position
      last = event.position
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

const boundsFrom = (want: PageWant, last: number | undefined): { after?: number; before?: number } => {
  const after = want.direction === 'forward' ? (last ?? want.after) : want.after
  const before = want.direction === 'backward' ? (last ?? want.before) : want.before
  return { ...(after === undefined ? {} : { after }), ...(before === undefined ? {} : { before }) }
}
