import type { EventId } from '#spec'
import type { EventNumber, RoomNumber } from '../../ports/rooms/events.ts'
import type { NewStoredEvent } from '../../ports/rooms/room-change.ts'
import type { StickyEventsReader, StickyEventsWriter } from '../../ports/timed/sticky-events.ts'
import { type Db, defineWrite, insertInto, queriesOver, type Tx } from '../engine/index.ts'

interface StickyTables {
  readonly sticky_events: {
    readonly position: number
    readonly room: number
    readonly event: number
    readonly until_ms: number
  }
  readonly events: { readonly event: number; readonly event_id: EventId }
}

const query = queriesOver<StickyTables>()

const insertSticky = insertInto('sticky_events', {
  position: 'integer',
  room: 'integer',
  event: 'integer',
  until_ms: 'integer',
})
const inRoom = query((db, param: { room: RoomNumber; after: number; upTo: number; nowMs: number; limit: number }) =>
  db
    .selectFrom('sticky_events as s')
    .innerJoin('events as e', 'e.event', 's.event')
    .select(['s.position', 'e.event_id'])
    .where('s.room', '=', param.room)
    .where('s.position', '>', param.after)
    .where('s.position', '<=', param.upTo)
    .where('s.until_ms', '>', param.nowMs)
    .orderBy('s.position')
    .limit(param.limit),
)
const forgetEnded = query((db, param: { beforeMs: number; limit: number }) =>
  db
    .deleteFrom('sticky_events')
    .where('position', 'in', (of) =>
      of
        .selectFrom('sticky_events')
        .select('position')
        .where('until_ms', '<=', param.beforeMs)
        .orderBy('until_ms')
        .limit(param.limit),
    ),
)

/** Stores which of a room's new events are sticky. `numbers`: those of the events of the timeline, in their order. */
export const storeSticky = async (
  tx: Tx,
  room: RoomNumber,
  events: readonly NewStoredEvent[],
  numbers: readonly EventNumber[],
): Promise<void> => {
  const timeline = events.filter(({ placing }) => placing === 'timeline')
  const sticky = timeline.flatMap(({ stickyUntilMs }, index) => {
    const event = numbers[index]
    return stickyUntilMs === undefined || event === undefined ? [] : [{ room, event, until_ms: stickyUntilMs }]
  })
  if (sticky.length === 0) return
  const first = tx.next('stickyEvents', sticky.length)
  const rows = sticky.map((row, index) => ({ ...row, position: first + index }))
  await tx.insertMany(insertSticky, rows)
  tx.announce({ stream: 'stickyEvents', position: first + sticky.length - 1, rooms: [room], users: [] })
}

const forget = defineWrite(
  'stickyEvents.forget',
  (tx, input: { beforeMs: number; limit: number }): Promise<number> => tx.run(forgetEnded, input),
)

export const stickyEventWrites = [forget]

export const stickyEventsWriter: StickyEventsWriter = {
  forget: (beforeMs, limit) => forget({ beforeMs, limit }),
}

export const stickyEventsReader = (db: Db): StickyEventsReader => ({
  stickyEvents: async (room, window) => {
    const rows = await db.all(inRoom, { room, ...window })
    return rows.map(({ position, event_id: eventId }) => ({ position, eventId }))
  },
})
