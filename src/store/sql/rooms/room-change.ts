import { sql } from 'kysely'
import type { EventId } from '#spec'
import { type EventNumber, isInHistory } from '../../ports/rooms/events.ts'
import type { NewStoredEvent, RoomChange, StateChange } from '../../ports/rooms/room-change.ts'
import type { InsertRow, Tx } from '../engine/index.ts'
import { storeOpenness } from './open-rooms.ts'
import { dropRelation, storeRelation } from './relation-rows.ts'
import { removeRedactedText } from './removed-texts.ts'
import { StateRows } from './state-rows.ts'
import { insertEvents, insertMissingEvents, insertPriorDifferences, PLACINGS, query } from './tables.ts'

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

type EventRow = InsertRow<typeof insertEvents>

/** Gives each event its number: positions from `firstPosition` on for the timeline, numbers below zero for all others. */
const numbered = async (
  tx: Tx,
  events: readonly NewStoredEvent[],
  firstPosition: number,
): Promise<ReadonlyMap<EventId, EventNumber>> => {
  const numbers = new Map<EventId, EventNumber>()
  let position = firstPosition
  let lowest: number | undefined
  for (const { eventId, placing } of events) {
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

const eventRow = async (
  tx: Tx,
  room: number,
  event: NewStoredEvent,
  number: EventNumber,
  replaces: EventNumber | null,
): Promise<EventRow> => ({
  event: number,
  event_id: event.eventId,
  room,
  position: number > 0 ? number : null,
  placed: PLACINGS.indexOf(event.placing),
  type: event.type,
  state_key: event.stateKey ?? null,
  sender: await tx.userNumber(event.sender),
  origin_server_ts: event.originServerTs,
  depth: event.depth,
  prior_at: event.prior?.at ?? null,
  replaces,
  txn_device: event.transaction?.device ?? null,
  txn_scope: event.transaction?.scope ?? null,
  txn_id: event.transaction?.id ?? null,
  json: event.json,
})

const differencesOf = (
  events: readonly NewStoredEvent[],
  numbers: ReadonlyMap<EventId, EventNumber>,
): readonly InsertRow<typeof insertPriorDifferences>[] =>
  events.flatMap(({ eventId, prior }) =>
    (prior?.differs ?? []).map(({ type, stateKey, event }) => ({
      event: numbers.get(eventId) as EventNumber,
      type,
      state_key: stateKey,
      state_event: event === null ? null : (numbers.get(event) as EventNumber),
    })),
  )

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

/** Events that stand in no history relate to nothing: nobody is shown them. */
const storeRelations = async (tx: Tx, events: readonly NewStoredEvent[], rows: readonly EventRow[]): Promise<void> => {
  for (const [index, { relation, placing }] of events.entries()) {
    const row = rows[index]
    if (relation === undefined || row === undefined || !isInHistory({ placing })) continue
    await storeRelation(tx, { ...row, relation })
  }
}

export interface StoredChange {
  readonly positions: readonly number[]
  /** Position of the newest state change that state resolution made; 0 for none. */
  readonly resolvedPosition: number
}

/** Stores and announces the change of a turn; `fresh`: the room is created in the same change. */
export const storeChange = async (
  tx: Tx,
  room: number,
  change: Omit<RoomChange, 'room' | 'base'>,
  firstPosition: number,
  fresh: boolean,
): Promise<StoredChange> => {
  const { events, missing } = change
  const made = await numbered(tx, events, firstPosition)
  const numbers = await earlierNumbers(tx, room, change, made)
  const state = new StateRows(tx, room, fresh)
  const changes = byMaker(change.state)
  const rows: EventRow[] = []
  for (const event of events) {
    const number = made.get(event.eventId) as EventNumber
    let replaces: EventNumber | null = null
    for (const entry of changes.get(event.eventId) ?? []) {
      if (number < 0) throw new Error('only an event of the timeline changes the state')
      const before = await state.change(
        entry,
        number,
        entry.event === null ? null : (numbers.get(entry.event) as number),
      )
      if (entry.event === event.eventId) replaces = before
    }
    rows.push(await eventRow(tx, room, event, number, replaces))
  }
  await tx.insertMany(insertEvents, rows)
  await tx.insertMany(insertPriorDifferences, differencesOf(events, numbers))
  await storeRelations(tx, events, rows)
  if (missing !== undefined) {
    await tx.run(cameAfterAll, { room, eventIds: [...made.keys()] })
    await tx.insertMany(
      insertMissingEvents,
      missing.map((event_id) => ({ room, event_id })),
    )
  }
  const users = await state.write()
  await storeOpenness(tx, room, change, fresh)
  for (const redaction of change.redactions) {
    await tx.run(redactEvent, { room, ...redaction })
    await removeRedactedText(tx, room, redaction.target)
    await dropRelation(tx, room, redaction.target)
  }
  const positions = [...made.values()].filter((number) => number > 0)
  const last = positions.at(-1)
  if (last !== undefined) tx.announce({ stream: 'events', position: last, rooms: [room], users })
  return { positions, resolvedPosition: state.resolvedPosition }
}
