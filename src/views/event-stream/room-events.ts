import { breathe, type Clock } from '#base'
import type { RoomNumber, RoomsReader, StoredEvent } from '#store'
import type { RecentEvents } from '../recent-events.ts'
import { mergedTimelines } from './merged-timelines.ts'

export interface RoomEventsWant {
  readonly rooms: ReadonlyMap<RoomNumber, unknown>
  readonly direction: 'forward' | 'backward'
  /** Events with `after` < position <= `upTo`. */
  readonly after: number
  readonly upTo: number
  readonly limit: number
  readonly shows: (event: StoredEvent) => Promise<boolean>
}

export interface RoomEventsPage {
  /** In the order of the direction. */
  readonly events: readonly StoredEvent[]
  /** Everything between where the page began and this position was looked at. */
  readonly reached: number
  readonly complete: boolean
}

/** What may not be seen must not make one request read everything there is. */
const MAX_SCANNED = 4_000
const SCANNED_A_SLICE = 200
/** A page of the largest events there can be is cut short. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024

/** One page of the room events of a user's stream: from memory as far as it reaches back, else room by room. */
export const roomEvents = async (
  want: RoomEventsWant,
  sources: { readonly reader: RoomsReader; readonly recent: RecentEvents; readonly clock: Clock },
): Promise<RoomEventsPage> => {
  const forward = want.direction === 'forward'
  const end = forward ? want.upTo : want.after
  if (want.after >= want.upTo) return { events: [], reached: end, complete: true }
  const events: StoredEvent[] = []
  let sizeBytes = 0
  let scanned = 0
  for await (const event of await candidates(want, sources)) {
    if (++scanned % SCANNED_A_SLICE === 0) await breathe(sources.clock)
    if (await want.shows(event)) {
      events.push(event)
      sizeBytes += event.json.length
    }
    if (events.length >= want.limit || sizeBytes >= MAX_PAGE_BYTES || scanned >= MAX_SCANNED) {
      const reached = forward ? event.position : event.position - 1
      return { events, reached, complete: reached === end }
    }
  }
  return { events, reached: end, complete: true }
}

const candidates = async (
  { rooms, direction, after, upTo }: RoomEventsWant,
  { reader, recent, clock }: Parameters<typeof roomEvents>[1],
): Promise<Iterable<StoredEvent> | AsyncIterable<StoredEvent>> => {
  const held = direction === 'forward' ? await recent.between(after, upTo) : undefined
  if (held !== undefined) return held.filter(({ room }) => rooms.has(room))
  return mergedTimelines({ rooms: [...rooms.keys()], direction, after, before: upTo + 1 }, reader, clock)
}
