import { sql } from 'kysely'
import type { EventId } from '#spec'
import { type EventNumber, isInHistory } from '../../../ports/rooms/events.ts'
import type { NewStoredEvent, RoomChange, StateChange } from '../../../ports/rooms/room-change.ts'
import { type InsertRow, insertInto, type Tx } from '../../engine/index.ts'
import { dropRelation } from '../relations/relation-rows.ts'
import { removeRedactedText } from '../removed-texts.ts'
import { storePriorState } from '../state/branch-states.ts'
import { StateRows } from '../state/state-rows.ts'
import { insertEvents, insertMissingEvents, query } from '../tables.ts'
import { type EventRow, eventRow, LOG_BEFORE, storeRelations } from './event-rows.ts'
import { insertLacking, insertRefusals, placeKnownEvent } from './known-events.ts'
import { storeOpenness } from './open-rooms.ts'
import { storeOverview } from './room-overviews.ts'

const redactEvent = query((db, param: { room: number; target: EventId; json: string; redactedBy: EventId }) =>
  db
    .updateTable('events')
    .set((eb) => ({
      json: param.json,
      redacted_by: eb
        .selectFrom('events as redaction')
        .select('redaction.event')
        .where('redaction.event_id', '=', param.redactedBy),
    }))
    .where('event_id', '=', param.target)
    .where('room', '=', param.room),
)

const lowestNumber = query((db) => db.selectFrom('events').select(sql<number | null>`min(event)`.as('lowest')))

const numbersOf = query((db, param: { room: number; eventIds: readonly EventId[] }, { texts }) =>
  db
    .selectFrom('events')
    .select(['event_id', 'event'])
    .where('event_id', 'in', texts(param.eventIds))
    .where('room', '=', param.room),
)

const cameAfterAll = query((db, param: { room: number; eventIds: readonly EventId[] }, { texts }) =>
  db.deleteFrom('missing_events').where('room', '=', param.room).where('event_id', 'in', texts(param.eventIds)),
)

/** Gives each event its number: positions from `firstPosition` on for the timeline, numbers below zero for all others. */
const numbered = async (
  tx: Tx,
  events: readonly NewStoredEvent[],
  firstPosition: number,
): Promise<ReadonlyMap<EventId, EventNumber>> => {
  const numbers = new Map<EventId, EventNumber>()
  let position = firstPosition
  let lowest: number | undefined
  for (const { eventId, placing, known } of events) {
    if (known !== undefined && placing !== 'timeline') {
      numbers.set(eventId, known)
      continue
    }
    if (placing === 'timeline') {
      numbers.set(eventId, position++)
      continue
    }
    lowest ??= Math.min(0, (await tx.first(lowestNumber, {}))?.lowest ?? 0)
    numbers.set(eventId, --lowest)
  }
  return numbers
}

/** The numbers of events that were stored before the change and that it names. */
const earlierNumbers = async (
  tx: Tx,
  room: number,
  { events, state }: Pick<RoomChange, 'events' | 'state'>,
  made: ReadonlyMap<EventId, EventNumber>,
): Promise<ReadonlyMap<EventId, EventNumber>> => {
  const named = [
    ...state.map(({ event }) => event),
    ...events.flatMap(({ prior }) => prior?.differs.map(({ event }) => event) ?? []),
  ]
  const eventIds = [...new Set(named.filter((event) => event !== null && !made.has(event)))] as EventId[]
  if (eventIds.length === 0) return made
  const found = await tx.all(numbersOf, { room, eventIds })
  if (found.length < eventIds.length) throw new Error('a state names an event that is not stored')
  return new Map([...made, ...found.map(({ event_id, event }) => [event_id, event] as const)])
}

/** The state changes, grouped by the event that makes them. */
const byMaker = (state: readonly StateChange[]): ReadonlyMap<EventId, readonly StateChange[]> => {
  const changes = new Map<EventId, StateChange[]>()
  for (const change of state) {
    const held = changes.get(change.by)
    if (held === undefined) changes.set(change.by, [change])
    else held.push(change)
  }
  return changes
}

export interface StoredChange {
  readonly positions: readonly number[]
  /** Position of the newest state change that state resolution made; 0 for none. */
  readonly resolvedPosition: number
}

const insertWaiting = insertInto(
  'waiting_redactions',
  { room: 'integer', target: 'text', redaction: 'text' },
  { ifExists: 'ignore' },
)
const takeWaiting = query((db, param: { room: number; target: EventId }) =>
  db.deleteFrom('waiting_redactions').where('room', '=', param.room).where('target', '=', param.target),
)
const insertResolved = insertInto(
  'resolved_changes',
  { room: 'integer', position: 'integer', type: 'text', state_key: 'text', before: 'integer?', after: 'integer?' },
  { ifExists: 'ignore' },
)

/** Writes the state of the change, and returns the row of each event. */
const changeState = async (
  tx: Tx,
  room: number,
  change: Pick<RoomChange, 'events' | 'state'>,
  { made, numbers, state }: { made: Numbers; numbers: Numbers; state: StateRows },
): Promise<readonly EventRow[]> => {
  const changes = byMaker(change.state)
  const rows: EventRow[] = []
  const resolved: InsertRow<typeof insertResolved>[] = []
  for (const event of change.events) {
    const number = made.get(event.eventId) as EventNumber
    let replaces: EventNumber | null = null
    for (const entry of changes.get(event.eventId) ?? []) {
      if (number < 0) throw new Error('only an event of the timeline changes the state')
      const after = entry.event === null ? null : (numbers.get(entry.event) as number)
      const before = await state.change(entry, number, after)
      if (entry.event === event.eventId) replaces = before
      else resolved.push({ room, position: number, type: entry.type, state_key: entry.stateKey, before, after })
    }
    const prior = event.prior === undefined ? LOG_BEFORE : await storePriorState(tx, room, event.prior, numbers)
    rows.push(await eventRow(tx, room, event, number, { replaces, prior }))
  }
  await tx.insertMany(insertResolved, resolved)
  return rows
}

type Numbers = ReadonlyMap<EventId, EventNumber>

/** Stores the events: new ones as rows, known ones at their new place. */
const storeEvents = async (
  tx: Tx,
  room: number,
  events: readonly NewStoredEvent[],
  rows: readonly EventRow[],
): Promise<void> => {
  await tx.insertMany(
    insertEvents,
    rows.filter((_, index) => events[index]?.known === undefined),
  )
  for (const [index, { eventId, known, refusal }] of events.entries()) {
    const row = rows[index] as EventRow
    if (known !== undefined) await placeKnownEvent(tx, known, row)
    if (refusal === undefined) continue
    await tx.insertMany(insertRefusals, [{ event: row.event, reason: refusal.reason }])
    await tx.insertMany(
      insertLacking,
      refusal.lacking.map((lacked) => ({ room, lacked, event_id: eventId })),
    )
  }
}

/** Stores events that are in no history. */
export const storeOutliers = async (tx: Tx, room: number, events: readonly NewStoredEvent[]): Promise<void> => {
  const made = await numbered(tx, events, 0)
  const rows: EventRow[] = []
  for (const event of events) {
    const number = made.get(event.eventId) as EventNumber
    rows.push(await eventRow(tx, room, event, number, { replaces: null, prior: LOG_BEFORE }))
  }
  await storeEvents(tx, room, events, rows)
}

const storeMissing = async (
  tx: Tx,
  room: number,
  { events, missing }: Pick<RoomChange, 'events' | 'missing'>,
  rows: readonly EventRow[],
): Promise<void> => {
  if (missing === undefined) return
  await tx.run(cameAfterAll, { room, eventIds: events.filter(isInHistory).map(({ eventId }) => eventId) })
  const depthOf = (eventId: EventId): number =>
    events.reduce((most, { prevEvents, depth }) => (prevEvents.includes(eventId) ? Math.max(most, depth) : most), 0)
  /** Right before the first of those that refer to it. */
  const historyAt = (eventId: EventId): number =>
    rows.reduce((least, { position, history_at }, index) => {
      const at = position === null ? (history_at ?? 0) : position - 1
      return events[index]?.prevEvents.includes(eventId) === true ? Math.min(least, at) : least
    }, rows[0]?.position ?? 0)
  await tx.insertMany(
    insertMissingEvents,
    missing.map((event_id) => ({ room, event_id, depth: depthOf(event_id), history_at: historyAt(event_id) })),
  )
}

/** Whether a change adds new messages to the timeline and does nothing else. */
export const isMessages = ({
  events,
  state,
  redactions,
  missing,
  waiting,
}: Omit<RoomChange, 'room' | 'base'>): boolean =>
  state.length === 0 &&
  redactions.length === 0 &&
  missing === undefined &&
  waiting === undefined &&
  events.every(
    ({ placing, prior, known, refusal }) =>
      placing === 'timeline' && prior === undefined && known === undefined && refusal === undefined,
  )

/** Does for such a change what `storeChange` does, without the steps that have nothing to do: nearly all changes are messages. */
const storeMessages = async (
  tx: Tx,
  room: number,
  events: readonly NewStoredEvent[],
  firstPosition: number,
): Promise<StoredChange> => {
  const rows: EventRow[] = []
  for (const [index, event] of events.entries())
    rows.push(await eventRow(tx, room, event, firstPosition + index, { replaces: null, prior: LOG_BEFORE }))
  await tx.insertMany(insertEvents, rows)
  if (events.some(({ relation }) => relation !== undefined)) await storeRelations(tx, events, rows)
  const positions = rows.map(({ event }) => event)
  const last = positions.at(-1)
  if (last !== undefined) tx.announce({ stream: 'events', position: last, rooms: [room], users: [] })
  return { positions, resolvedPosition: 0 }
}

/** Stores and announces the change of a turn; `fresh`: the room is created in the same change. */
export const storeChange = async (
  tx: Tx,
  room: number,
  change: Omit<RoomChange, 'room' | 'base'>,
  firstPosition: number,
  fresh: boolean,
): Promise<StoredChange> => {
  const { events } = change
  if (!fresh && isMessages(change)) return storeMessages(tx, room, events, firstPosition)
  const made = await numbered(tx, events, firstPosition)
  const numbers = await earlierNumbers(tx, room, change, made)
  const state = new StateRows(tx, room, fresh)
  const rows = await changeState(tx, room, change, { made, numbers, state })
  await storeEvents(tx, room, events, rows)
  await storeRelations(tx, events, rows)
  await storeMissing(tx, room, change, rows)
  const users = await state.write()
  await storeOpenness(tx, room, change, fresh)
  await storeOverview(tx, room, change, fresh)
  for (const redaction of change.redactions) {
    await tx.run(redactEvent, { room, ...redaction })
    await removeRedactedText(tx, room, redaction.target)
    await dropRelation(tx, room, redaction.target)
    if (change.waiting !== undefined) await tx.run(takeWaiting, { room, target: redaction.target })
  }
  await tx.insertMany(
    insertWaiting,
    (change.waiting ?? []).map((waiting) => ({ room, ...waiting })),
  )
  const positions = [...made.values()].filter((number) => number > 0)
  const last = positions.at(-1)
  if (last !== undefined) tx.announce({ stream: 'events', position: last, rooms: [room], users })
  return { positions, resolvedPosition: state.resolvedPosition }
}
