import { type Clock, yieldToEventLoop } from '#base'
import type { StoredEvent } from '#store'
import { readSizeOf } from '../events/filterable.ts'

/** The most events of one page, whatever the client asked for. */
export const MAX_PAGE_EVENTS = 500
/** Events that are hidden or filtered away must not make one request read a room's whole history: it ends early, with a token to go on. */
const MAX_SCANNED_EVENTS = 4_000
const MAX_SCANNED_BYTES = 8 * 1024 * 1024
/** A page of the largest events there can be is cut short. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024
/** Events read at once: few at first, then as many as come to `READ_BYTES`. */
const FIRST_READ = 20
const MAX_READ = 200
const READ_BYTES = 512 * 1024
/** The event loop gets its turn after this time. */
const SLICE_MS = 4

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
  let foundBytes = 0
  let first: StoredEvent | undefined
  let last: StoredEvent | undefined
  let scanned = 0
  let scannedBytes = 0
  let size = Math.min(limit, FIRST_READ)
  while (found.length < limit && scanned < MAX_SCANNED_EVENTS && scannedBytes < MAX_SCANNED_BYTES) {
    const events = await want.read(last, size)
    await want.learn(events)
    let sliceMs = clock.monotonicMs()
    for (const event of events) {
      first ??= event
      last = event
      scanned++
      scannedBytes += readSizeOf(event)
      if (want.passes(event)) {
        found.push(event)
        foundBytes += event.json.length
        if (found.length >= limit || foundBytes >= MAX_PAGE_BYTES)
          return { events: found, first, last, complete: false }
      }
      if (clock.monotonicMs() - sliceMs < SLICE_MS) continue
      await yieldToEventLoop(clock)
      sliceMs = clock.monotonicMs()
    }
    if (events.length < size) return { events: found, first, last, complete: true }
    size = Math.min(MAX_READ, Math.max(1, Math.floor(READ_BYTES / (scannedBytes / scanned))))
    await yieldToEventLoop(clock)
  }
  return { events: found, first, last, complete: false }
}
