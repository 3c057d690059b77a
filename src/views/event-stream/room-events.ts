import { type Clock, yieldToEventLoop } from '#base'
import type { EventsReader, RoomNumber, StoredEvent } from '#store'
import type { RecentEvents } from '../known/recent-events.ts'
import { mergedTimelines } from './merged-timelines.ts'

export interface RoomEventsWant {
  readonly rooms: ReadonlyMap<RoomNumber, unknown>
  readonly direction: 'forward' | 'backward'
  /** Events with `after` < position <= `upTo`. */
  readonly after: number
  readonly upTo: number
  readonly limit: number
  readonly shows: (event: StoredEvent) => boolean | Promise<boolean>
}

export interface RoomEventsPage {
  /** In the order of the direction. */
  readonly events: readonly StoredEvent[]
  /** All events between the page's beginning and this position were read. */
  readonly reached: number
  readonly complete: boolean
}

/** Hidden events must not make one request read everything there is. */
const MAX_SCANNED = 4_000
const SCANNED_A_SLICE = 200
/** A page of the largest events there can be is cut short. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024

/** One page of the room events of a user's stream: from memory as far back as it reaches, else room by room. */
export const roomEvents = async (
  want: RoomEventsWant,
  sources: { readonly reader: EventsReader; readonly recent: RecentEvents; readonly clock: Clock },
): Promise<RoomEventsPage> => {
  const forward = want.direction === 'forward'
  const end = forward ? want.upTo : want.after
  if (want.after >= want.upTo) return { events: [], reached: end, complete: true }
  const page = new Page(want, sources.clock)
  const found = await candidates(want, sources)
  if (Array.isArray(found)) {
    // The usual case, in memory, awaits nothing event by event.
    for (const event of found) {
      const isFull = page.take(event)
      if (isFull === true || (isFull !== false && (await isFull))) break
    }
  } else {
    for await (const event of found) if (await page.take(event)) break
  }
  const { events, stoppedAt } = page
  return { events, reached: stoppedAt ?? end, complete: stoppedAt === undefined || stoppedAt === end }
}

/** A page in the making. */
class Page {
  readonly events: StoredEvent[] = []
  /** Position up to which events were read when the page was full; undefined while there is room. */
  stoppedAt: number | undefined
  readonly #want: RoomEventsWant
  readonly #clock: Clock
  #sizeBytes = 0
  #scanned = 0

  constructor(want: RoomEventsWant, clock: Clock) {
    this.#want = want
    this.#clock = clock
  }

  /** Adds the event if it is shown. Returns whether the page is full now. */
  take(event: StoredEvent): boolean | Promise<boolean> {
    const shown = this.#want.shows(event)
    const isLong = ++this.#scanned % SCANNED_A_SLICE === 0
    return typeof shown === 'boolean' && !isLong
      ? this.#isFullWith(event, shown)
      : this.#takeLater(event, shown, isLong)
  }

  async #takeLater(event: StoredEvent, shown: boolean | Promise<boolean>, isLong: boolean): Promise<boolean> {
    if (isLong) await yieldToEventLoop(this.#clock)
    return this.#isFullWith(event, await shown)
  }

  #isFullWith(event: StoredEvent, shown: boolean): boolean {
    if (shown) {
      this.events.push(event)
      this.#sizeBytes += event.json.length
    }
    const { limit, direction } = this.#want
    const isFull = this.events.length >= limit || this.#sizeBytes >= MAX_PAGE_BYTES || this.#scanned >= MAX_SCANNED
    if (isFull) this.stoppedAt = direction === 'forward' ? event.position : event.position - 1
    return isFull
  }
}

const candidates = async (
  { rooms, direction, after, upTo }: RoomEventsWant,
  { reader, recent, clock }: Parameters<typeof roomEvents>[1],
): Promise<Iterable<StoredEvent> | AsyncIterable<StoredEvent>> => {
  const held = direction === 'forward' ? await recent.between(after, upTo) : undefined
  if (held !== undefined) return held.filter(({ room }) => rooms.has(room))
  return mergedTimelines({ rooms: [...rooms.keys()], direction, after, before: upTo + 1 }, reader, clock)
}
