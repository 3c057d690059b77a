import { breathe, type Clock } from '#base'
import type { RoomNumber, RoomsReader, StoredEvent } from '#store'

export interface MergeWant {
  readonly rooms: readonly RoomNumber[]
  readonly direction: 'forward' | 'backward'
  /** Exclusive bounds, by position. */
  readonly after: number | undefined
  readonly before: number
}

/** Of each room, read at once. */
const BATCH = 20
const ROOMS_A_SLICE = 10

interface Lane {
  readonly room: RoomNumber
  events: readonly StoredEvent[]
  next: number
  /** Position of the last event read; where the next batch begins. */
  last: number | undefined
  more: boolean
}

/** The events of many rooms in one order, each room read a little at a time: what a user's event stream is where memory does not reach back. */
export async function* mergedTimelines(
  want: MergeWant,
  reader: RoomsReader,
  clock: Clock,
): AsyncGenerator<StoredEvent> {
  const lanes: Lane[] = []
  for (const [index, room] of want.rooms.entries()) {
    if (index > 0 && index % ROOMS_A_SLICE === 0) await breathe(clock)
    const lane: Lane = { room, events: [], next: 0, last: undefined, more: true }
    if (await fill(lane, want, reader)) lanes.push(lane)
  }
  const isEarlier = (one: StoredEvent, other: StoredEvent): boolean =>
    want.direction === 'forward' ? one.position < other.position : one.position > other.position
  for (;;) {
    let first: { readonly lane: Lane; readonly event: StoredEvent } | undefined
    for (const lane of lanes) {
      const event = lane.events[lane.next]
      if (event !== undefined && (first === undefined || isEarlier(event, first.event))) first = { lane, event }
    }
    if (first === undefined) return
    yield first.event
    first.lane.next++
    if (first.lane.next >= first.lane.events.length) await fill(first.lane, want, reader)
  }
}

/** Whether there is an event to go on with. */
const fill = async (lane: Lane, want: MergeWant, reader: RoomsReader): Promise<boolean> => {
  if (!lane.more) return false
  const after = want.direction === 'forward' ? (lane.last ?? want.after) : want.after
  const before = want.direction === 'backward' ? (lane.last ?? want.before) : want.before
  lane.events = await reader.timeline(lane.room, {
    ...(after === undefined ? {} : { after }),
    before,
    direction: want.direction,
    limit: BATCH,
  })
  lane.next = 0
  lane.last = lane.events.at(-1)?.position ?? lane.last
  lane.more = lane.events.length === BATCH
  return lane.events.length > 0
}
