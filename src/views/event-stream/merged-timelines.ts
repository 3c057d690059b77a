import { type Clock, yieldToEventLoop } from '#base'
import type { EventsReader, RoomNumber, StoredEvent } from '#store'

export interface MergeWant {
  readonly rooms: readonly RoomNumber[]
  readonly direction: 'forward' | 'backward'
  /** Exclusive bounds, by position. */
  readonly after: number | undefined
  readonly before: number
}

/** Events of one room read at once. */
const BATCH = 20
const ROOMS_A_SLICE = 10

interface RoomCursor {
  readonly room: RoomNumber
  events: readonly StoredEvent[]
  next: number
  /** Position of the last event read; where the next batch begins. */
  last: number | undefined
  more: boolean
}

/** The events of many rooms in one order, each room read a little at a time: a user's event stream further back than `RecentEvents` reaches. */
export async function* mergedTimelines(
  want: MergeWant,
  reader: EventsReader,
  clock: Clock,
): AsyncGenerator<StoredEvent> {
  const cursors: RoomCursor[] = []
  for (const [index, room] of want.rooms.entries()) {
    if (index > 0 && index % ROOMS_A_SLICE === 0) await yieldToEventLoop(clock)
    const cursor: RoomCursor = { room, events: [], next: 0, last: undefined, more: true }
    if (await fill(cursor, want, reader)) cursors.push(cursor)
  }
  const isEarlier = (one: StoredEvent, other: StoredEvent): boolean =>
    want.direction === 'forward' ? one.position < other.position : one.position > other.position
  for (;;) {
    let first: { readonly cursor: RoomCursor; readonly event: StoredEvent } | undefined
    for (const cursor of cursors) {
      const event = cursor.events[cursor.next]
      if (event !== undefined && (first === undefined || isEarlier(event, first.event))) first = { cursor, event }
    }
    if (first === undefined) return
    yield first.event
    first.cursor.next++
    if (first.cursor.next >= first.cursor.events.length) await fill(first.cursor, want, reader)
  }
}

/** Reads the next events; whether there are any. */
const fill = async (cursor: RoomCursor, want: MergeWant, reader: EventsReader): Promise<boolean> => {
  if (!cursor.more) return false
  const after = want.direction === 'forward' ? (cursor.last ?? want.after) : want.after
  const before = want.direction === 'backward' ? (cursor.last ?? want.before) : want.before
  cursor.events = await reader.timeline(cursor.room, {
    ...(after === undefined ? {} : { after }),
    before,
    direction: want.direction,
    limit: BATCH,
  })
  cursor.next = 0
  cursor.last = cursor.events.at(-1)?.position ?? cursor.last
  cursor.more = cursor.events.length === BATCH
  return cursor.events.length > 0
}
